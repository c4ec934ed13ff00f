// Makes the program by which the kernel prints the rows of one table for one changefeed. layout.ts says what is in it. The kernel
// knows nothing of envelopes and options: all texts between values, and the order of everything, come from here.

import {
  flagDiff,
  flagNilIfGone,
  headBytes,
  headColumns,
  headFixed,
  headFlags,
  headKeySteps,
  headMetaSteps,
  headRowSteps,
  headValueSteps,
  mostColumns,
  programsAt,
  programsEnd,
  stepBytes,
  stepColumn,
  stepDelimiter,
  stepElement,
  stepLength,
  stepOp,
} from './layout.ts'
import type { Operation } from './operations.ts'

export interface Step extends Operation {
  /** The text before the value. */
  readonly prefix: Buffer
  /** The column in the tuple; 0 where the operation reads none. */
  readonly column: number
}

export interface ProgramParts {
  readonly columns: number
  readonly key: readonly Step[]
  readonly row: readonly Step[]
  /** None: messages have no values. */
  readonly value: readonly Step[]
  /** The metadata among the columns of a row. */
  readonly meta: readonly Step[]
  readonly needsOld: boolean
  readonly isNilIfGone: boolean
}

export interface Program {
  readonly bytes: Uint8Array
}

/** The room for timestamps, brackets, and what is written after the end of a copy. */
const spareBytes = 512
/** A JSON null, or NULL, may be printed as an object. */
const spareColumnBytes = 32
const largestText = 0xffff

/** Returns undefined if the kernel has no room for the program, or for the rows. */
export function makeProgram({
  columns,
  key,
  row,
  value,
  meta,
  needsOld,
  isNilIfGone,
}: ProgramParts): Program | undefined {
  const lists = [
    [headKeySteps, key],
    [headRowSteps, row],
    [headValueSteps, value],
    [headMetaSteps, meta],
  ] as const
  const steps = lists.flatMap(([, list]) => list)
  const textsAt = headBytes + stepBytes * steps.length
  const texts = Buffer.concat(steps.map(({ prefix }) => prefix))
  const length = textsAt + texts.length
  if (length > programsEnd - programsAt || columns > mostColumns || key.length === 0 || row.length === 0)
    return undefined
  if (steps.some(({ prefix }) => prefix.length > largestText)) return undefined
  const bytes = Buffer.alloc(length)
  bytes.writeUInt32LE(columns, headColumns)
  // Key and row may be printed twice.
  bytes.writeUInt32LE(2 * texts.length + 2 * spareColumnBytes * columns + spareBytes, headFixed)
  bytes.writeUInt32LE((needsOld ? flagDiff : 0) | (isNilIfGone ? flagNilIfGone : 0), headFlags)
  let at = headBytes
  let textAt = textsAt
  for (const [head, list] of lists) {
    bytes.writeUInt32LE(at, head)
    bytes.writeUInt32LE(list.length, head + 4)
    for (const { prefix, column, op, element, delimiter } of list) {
      bytes.writeUInt32LE(textAt, at)
      bytes.writeUInt16LE(prefix.length, at + stepLength)
      bytes.writeUInt16LE(column, at + stepColumn)
      bytes[at + stepOp] = op
      bytes[at + stepElement] = element
      bytes[at + stepDelimiter] = delimiter
      textAt += prefix.length
      at += stepBytes
    }
  }
  texts.copy(bytes, textsAt)
  return { bytes }
}
