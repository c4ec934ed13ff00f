// Makes the program of a table: what the reference encoder (json-encoder.ts, row-writer.ts) prints of its changes, as parts.

import type { FeedSpec } from '../../../core/feed-spec.ts'
import type { RelationSchema } from '../../../core/relation.ts'
import type { ValueWriters } from '../value-writer.ts'
import { envelopeText } from '../envelope-text.ts'
import { printedMembers, sortedMembers } from '../members.ts'
import { oldAt, opMvcc, opUpdated, rowAt } from './layout.ts'
import { operationOf, type Operation } from './operations.ts'
import { makeProgram, type Part, type Program } from './program.ts'

export interface TableProgramOptions {
  readonly spec: FeedSpec
  /** The topic as a JSON string. */
  readonly topic: Buffer
  /** The name of the member for metadata in the envelope `row`, if there is one. */
  readonly extra: string | undefined
  readonly values: ValueWriters
}

/** The row after the change or the one before; undefined: there is none. */
type Row = typeof rowAt | typeof oldAt | undefined

const valueBytes = 8
const text = (of: string): Buffer => Buffer.from(of)
const stamp = (op: number): Part => ({ op, element: 0, delimiter: 0, value: 0 })

/** Returns undefined if the kernel has no room for all of it: then it prints no row of the table. */
export function tableProgram(relation: RelationSchema, options: TableProgramOptions): Program | undefined {
  const { spec, values } = options
  const { columns, keyIndexes } = relation
  if (columns.length === 0 || keyIndexes.length === 0) return undefined
  const place = { nullAsObject: spec.encodeJsonNullAsObject, values }
  const inRow = columns.map(({ shape }) => operationOf(shape, { ...place, inKey: false }))
  const inKey = keyIndexes
    .flatMap((index) => columns[index] ?? [])
    .map(({ shape }) => operationOf(shape, { ...place, inKey: true }))
  // The reference has an error for a key of columns that are not there.
  if (inKey.length < keyIndexes.length) return undefined
  const parts = new PartsOfTable(relation, options, inRow, inKey)
  return makeProgram({
    columns: columns.length,
    isDiff: spec.diff,
    inserted: { key: parts.key(rowAt), value: parts.value(rowAt, undefined) },
    updated: { key: parts.key(rowAt), value: parts.value(rowAt, oldAt) },
    deleted: { key: parts.key(oldAt), value: parts.value(undefined, oldAt) },
  })
}

class PartsOfTable {
  readonly #spec: FeedSpec
  readonly #topic: Buffer
  readonly #members: ReturnType<typeof sortedMembers>
  readonly #keyIndexes: readonly number[]
  readonly #inRow: readonly Operation[]
  readonly #inKey: readonly Operation[]

  constructor(
    { columns, keyIndexes }: RelationSchema,
    { spec, topic, extra }: TableProgramOptions,
    inRow: readonly Operation[],
    inKey: readonly Operation[],
  ) {
    this.#spec = spec
    this.#topic = topic
    this.#members = sortedMembers(printedMembers(columns, extra))
    this.#keyIndexes = keyIndexes
    this.#inRow = inRow
    this.#inKey = inKey
  }

  key(row: typeof rowAt | typeof oldAt): readonly Part[] {
    const values = this.#inKey.flatMap((of, i) => [
      text(i === 0 ? '[' : ', '),
      { ...of, value: row + valueBytes * (this.#keyIndexes[i] as number) },
    ])
    return [...values, text(']')]
  }

  value(after: Row, before: Row): readonly Part[] {
    switch (this.#spec.envelope) {
      case 'key_only':
        return []
      case 'row':
        return after === undefined ? [] : this.#row(after)
      case 'wrapped':
        return this.#wrapped(after, before)
    }
  }

  #wrapped(after: Row, before: Row): readonly Part[] {
    const { diff, keyInValue, mvccTimestamp, topicInValue, updated } = this.#spec
    return [
      envelopeText.after,
      ...this.#row(after),
      ...(diff ? [envelopeText.before, ...this.#row(before)] : []),
      ...(keyInValue ? [envelopeText.key, ...this.key(after ?? oldAt)] : []),
      ...(mvccTimestamp ? [envelopeText.mvcc, stamp(opMvcc), text('"')] : []),
      ...(topicInValue ? [envelopeText.topic, this.#topic] : []),
      ...(updated ? [envelopeText.updated, stamp(opUpdated), text('"')] : []),
      text('}'),
    ]
  }

  #row(row: Row): readonly Part[] {
    if (row === undefined) return [envelopeText.null]
    const members = this.#members.flatMap(({ prefix, index }) => [
      prefix,
      ...(index < 0 ? this.#metadata() : [{ ...(this.#inRow[index] as Operation), value: row + valueBytes * index }]),
    ])
    return [...members, text('}')]
  }

  /** The first member does not need the `, ` with which both texts begin. */
  #metadata(): readonly Part[] {
    const { mvccTimestamp, updated } = this.#spec
    return [
      text('{'),
      ...(mvccTimestamp ? [envelopeText.mvcc.subarray(2), stamp(opMvcc), text('"')] : []),
      ...(updated ? [envelopeText.updated.subarray(mvccTimestamp ? 0 : 2), stamp(opUpdated), text('"')] : []),
      text('}'),
    ]
  }
}
