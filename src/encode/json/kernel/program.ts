// Makes the program by which the kernel prints the messages of one table for one changefeed. layout.ts says what is in it. The
// kernel knows nothing of envelopes and options: all texts between values, and the order of everything, come from here.

import type { HostWriter } from './host-writer.ts'
import {
  headBytes,
  headColumns,
  headDeleted,
  headDiff,
  headFixed,
  headInserted,
  headUpdated,
  listIsNil,
  listSteps,
  listValueStep,
  mostColumns,
  mostHostWriters,
  opNothing,
  outputAt,
  outputEnd,
  programsAt,
  programsEnd,
  stepBytes,
  stepDelimiter,
  stepElement,
  stepLength,
  stepOp,
  stepText,
  stepValue,
} from './layout.ts'
import type { Operation } from './operations.ts'

/** A part of a message: a text, or a value at an address of the rows; 0 where the operation needs none. */
export type Part = Buffer | (Operation & { readonly value: number })

export interface ProgramParts {
  readonly columns: number
  readonly isDiff: boolean
  readonly inserted: MessageParts
  readonly updated: MessageParts
  readonly deleted: MessageParts
}

export interface MessageParts {
  /** It ends with a text of `keyEndBytes`. */
  readonly key: readonly Part[]
  /** No parts: the messages have no values. */
  readonly value: readonly Part[]
}

export interface Program {
  readonly bytes: Uint8Array
  /** Those that the host writes with, by the number that stands in the steps. */
  readonly hosts: readonly HostWriter[]
}

interface Step extends Operation {
  readonly text: Buffer
  readonly value: number
}

/** The room for timestamps, and for what is written after the end of a copy. */
const spareBytes = 512
/** A JSON null, or NULL, may be printed as an object, in two rows. */
const spareColumnBytes = 64
const largestText = 0xffff
const noText: Buffer = Buffer.alloc(0)

/** Returns undefined if the kernel has no room for the program, or for the rows. */
export function makeProgram(parts: ProgramParts): Program | undefined {
  const { columns, isDiff } = parts
  const kinds: readonly (readonly [number, MessageParts])[] = [
    [headInserted, parts.inserted],
    [headUpdated, parts.updated],
    [headDeleted, parts.deleted],
  ]
  const lists = kinds.map(([head, { key, value }]) => ({
    head,
    steps: stepsOf([...key, ...value]),
    valueStep: key.filter((part) => !Buffer.isBuffer(part)).length,
    isNil: value.length === 0,
  }))
  const allSteps = lists.flatMap(({ steps }) => steps)
  const textsAt = headBytes + stepBytes * allSteps.length
  const texts = new Texts(textsAt)
  for (const { text } of allSteps) texts.add(text)
  if (texts.end > programsEnd - programsAt || columns > mostColumns) return undefined
  if (allSteps.some(({ text }) => text.length > largestText)) return undefined
  const textBytes = allSteps.reduce((sum, { text }) => sum + text.length, 0)
  const hostBytes = allSteps.reduce((sum, { host }) => sum + (host?.fixedBytes ?? 0), 0)
  const fixedBytes = textBytes + hostBytes + spareColumnBytes * columns + spareBytes
  if (fixedBytes > outputEnd - outputAt) return undefined
  const hosts = [...new Set(allSteps.flatMap(({ host }) => host ?? []))]
  if (hosts.length > mostHostWriters) return undefined
  const bytes = Buffer.alloc(texts.end)
  bytes.writeUInt32LE(columns, headColumns)
  bytes.writeUInt32LE(fixedBytes, headFixed)
  bytes.writeUInt32LE(isDiff ? 1 : 0, headDiff)
  let at = headBytes
  for (const { head, steps, valueStep, isNil } of lists) {
    bytes.writeUInt32LE(at, head)
    bytes.writeUInt32LE(steps.length, head + listSteps)
    bytes.writeUInt32LE(valueStep, head + listValueStep)
    bytes.writeUInt32LE(isNil ? 1 : 0, head + listIsNil)
    for (const { text, value, op, element, delimiter, host } of steps) {
      bytes.writeUInt32LE(texts.add(text), at + stepText)
      bytes.writeUInt16LE(text.length, at + stepLength)
      bytes.writeUInt32LE(value, at + stepValue)
      bytes[at + stepOp] = op
      bytes[at + stepElement] = host === undefined ? element : hosts.indexOf(host)
      bytes[at + stepDelimiter] = delimiter
      at += stepBytes
    }
  }
  texts.copyTo(bytes)
  return { bytes, hosts }
}

/** Puts the texts between two values together. */
function stepsOf(parts: readonly Part[]): readonly Step[] {
  const steps: Step[] = []
  let text = noText
  for (const part of parts) {
    if (Buffer.isBuffer(part)) {
      text = Buffer.concat([text, part])
      continue
    }
    steps.push({ ...part, text })
    text = noText
  }
  if (text.length > 0) steps.push({ text, value: 0, op: opNothing, element: 0, delimiter: 0 })
  return steps
}

/** The texts of a program, each once. */
class Texts {
  readonly #start: number
  readonly #places = new Map<string, number>()
  readonly #texts: Buffer[] = []
  end: number

  constructor(start: number) {
    this.#start = start
    this.end = start
  }

  /** Returns the offset of the text. */
  add(text: Buffer): number {
    const name = text.toString('latin1')
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const place = this.end
    this.#places.set(name, place)
    this.#texts.push(text)
    this.end += text.length
    return place
  }

  copyTo(bytes: Buffer): void {
    Buffer.concat(this.#texts).copy(bytes, this.#start)
  }
}
