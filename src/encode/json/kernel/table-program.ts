// Makes the program of a table: what the reference encoder (json-encoder.ts, row-writer.ts) prints of its rows, as steps.

import type { FeedSpec } from '../../../core/feed-spec.ts'
import type { RelationSchema } from '../../../core/relation.ts'
import { envelopeText } from '../envelope-text.ts'
import { printedMembers, sortedMembers } from '../members.ts'
import { opAfter, opBefore, opKey, opMeta, opMvcc, opNothing, opUpdated } from './layout.ts'
import { operationOf, type Operation } from './operations.ts'
import { makeProgram, type Program, type Step } from './program.ts'

export interface TableProgramOptions {
  readonly spec: FeedSpec
  /** The topic as a JSON string. */
  readonly topic: Buffer
  /** The name of the member for metadata in the envelope `row`, if there is one. */
  readonly extra: string | undefined
}

const noText = Buffer.alloc(0)
const closeObject = Buffer.from('}')
const isScalar = (op: number): Operation => ({ op, element: 0, delimiter: 0 })
const part = (prefix: Buffer, op: number): Step => ({ prefix, column: 0, ...isScalar(op) })

/** Returns undefined if the kernel cannot print all of it: then it prints no row of the table. */
export function tableProgram(
  relation: RelationSchema,
  { spec, topic, extra }: TableProgramOptions,
): Program | undefined {
  const { columns, keyIndexes } = relation
  const operation = (index: number, inKey: boolean): Operation | undefined => {
    const column = columns[index]
    return column && operationOf(column.shape, { inKey, nullAsObject: spec.encodeJsonNullAsObject })
  }
  const key = keyIndexes.map((index, i) => {
    const of = operation(index, true)
    return of && { prefix: Buffer.from(i === 0 ? '[' : ', '), column: index, ...of }
  })
  const row = sortedMembers(printedMembers(columns, extra)).map(({ prefix, index }) => {
    const of = index < 0 ? isScalar(opMeta) : operation(index, false)
    return of && { prefix, column: Math.max(index, 0), ...of }
  })
  if (!areAll(key) || !areAll(row)) return undefined
  return makeProgram({
    columns: columns.length,
    key,
    row,
    value: valueOf(spec, topic),
    meta: metaOf(spec),
    needsOld: spec.diff,
    isNilIfGone: spec.envelope === 'row',
  })
}

function areAll(steps: readonly (Step | undefined)[]): steps is readonly Step[] {
  return !steps.includes(undefined)
}

function valueOf(spec: FeedSpec, topic: Buffer): readonly Step[] {
  const { envelope, diff, keyInValue, mvccTimestamp, topicInValue, updated } = spec
  switch (envelope) {
    case 'key_only':
      return []
    case 'row':
      return [part(noText, opAfter)]
    case 'wrapped':
      return [
        part(envelopeText.after, opAfter),
        ...(diff ? [part(envelopeText.before, opBefore)] : []),
        ...(keyInValue ? [part(envelopeText.key, opKey)] : []),
        ...(mvccTimestamp ? [part(envelopeText.mvcc, opMvcc)] : []),
        ...(topicInValue ? [part(Buffer.concat([envelopeText.topic, topic]), opNothing)] : []),
        ...(updated ? [part(envelopeText.updated, opUpdated)] : []),
        part(closeObject, opNothing),
      ]
  }
}

/** The first member begins with a brace in place of the comma and the space. */
function metaOf({ mvccTimestamp, updated }: FeedSpec): readonly Step[] {
  const members = [
    ...(mvccTimestamp ? [part(envelopeText.mvcc, opMvcc)] : []),
    ...(updated ? [part(envelopeText.updated, opUpdated)] : []),
  ]
  const begun = members.map((member, i) =>
    i > 0 ? member : { ...member, prefix: Buffer.concat([Buffer.from('{'), member.prefix.subarray(2)]) },
  )
  return [...begun, part(closeObject, opNothing)]
}
