// The encoder of format=parquet. A message has no key, and its value is the fields of a row (core/file-column.ts): the columns of the table in
// their order, then `__crdb__event_type` (c: the row is new or has changed, d: it was deleted, and only its key has values), then
// `__crdb__updated`, `__crdb__mvcc_timestamp` and `__crdb__before` if they are asked for. The last one is the row before as JSON, and with it a row
// that has changed is u in place of c.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import type { FileColumn } from '../../core/file-column.ts'
import { formatHlc, type Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'
import { kind, type RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Encoder } from '../encoder.ts'
import type { EncoderOpening } from '../format-facts.ts'
import { checkNames } from '../own-names.ts'
import { schemaNumber } from '../schema-number.ts'
import { parquetNames } from './own-names.ts'

const text = { tag: 'scalar', name: 'text' } as const
const created = Buffer.from('c')
const changed = Buffer.from('u')
const deleted = Buffer.from('d')
const nullLength = 0xffffffff

export function open(spec: FeedSpec, { earlierRows }: EncoderOpening): Encoder {
  return new ParquetEncoder(spec, earlierRows)
}

class ParquetEncoder implements Encoder {
  readonly hasKeys = false
  readonly #spec: FeedSpec
  readonly #columns = new Map<number, readonly FileColumn[]>()
  /** By relation: which of its columns are those of the key. */
  readonly #keys = new WeakMap<RelationSchema, Uint8Array>()
  /** By the relation of a row from before a DDL of its transaction, and that of its file: where the columns of the file are in the row. */
  readonly #places = new WeakMap<RelationSchema, WeakMap<RelationSchema, readonly number[]>>()

  readonly #earlierRows: Encoder | undefined
  /** A change whose row is the one before the change that is encoded. */
  #earlier: RowChange | undefined

  constructor(spec: FeedSpec, earlierRows: Encoder | undefined) {
    this.#spec = spec
    this.#earlierRows = earlierRows
  }

  prepare(relation: RelationSchema): number {
    const schema = schemaNumber(relation)
    checkNames(parquetNames, this.#spec, relation)
    if (!this.#columns.has(schema)) this.#columns.set(schema, this.#columnsOf(relation))
    return schema
  }

  columns(schema: number): readonly FileColumn[] | undefined {
    return this.#columns.get(schema)
  }

  encodeKey(): void {
    // Messages have no key.
  }

  encodeValue(change: RowChange, out: ByteWriter): boolean {
    const { relation, key, after, before, updated, mvcc } = change
    const { diff, updated: withUpdated, mvccTimestamp } = this.#spec
    if (after === undefined) this.#row(relation, key, this.#keysOf(relation), out)
    else this.#row(relation, after, undefined, out)
    bytes(after === undefined ? deleted : diff && before !== undefined ? changed : created, out)
    if (withUpdated) bytes(updated, out)
    if (mvccTimestamp) bytes(mvcc, out)
    if (diff) this.#before(change, out)
    return true
  }

  prepareResolved(): undefined {
    return undefined
  }

  encodeResolved(_topic: number, at: Hlc, out: ByteWriter): void {
    out.latin1(`{"resolved":"${formatHlc(at)}"}`)
  }

  /** `only`: 1 for the columns that have values. */
  #row(relation: RelationSchema, row: RowView, only: Uint8Array | undefined, out: ByteWriter): void {
    const its = row.relation ?? relation
    const places = its === relation ? undefined : this.#placesOf(its, relation)
    const { length } = relation.columns
    for (let i = 0; i < length; i++) {
      const place = places === undefined ? i : (places[i] as number)
      const k = place < 0 || place >= row.count || only?.[i] === 0 ? kind.null : row.kinds[place]
      if (k === kind.null) out.u32be(nullLength)
      else if (k !== kind.text) throw new FeedError('FEED_BUG', 'a placeholder reached the encoder in place of a value')
      else {
        const start = row.starts[place] as number
        const end = row.ends[place] as number
        out.u32be(end - start)
        out.copy(row.bytes, start, end)
      }
    }
  }

  #before(change: RowChange, out: ByteWriter): void {
    if (change.before === undefined) return out.u32be(nullLength)
    const start = out.length
    out.u32be(0)
    const earlier = (this.#earlier ??= { ...change })
    earlier.relation = change.relation
    earlier.after = change.before
    this.#earlierRows?.encodeValue(earlier, out)
    out.buffer.writeUInt32BE(out.length - start - 4, start)
  }

  #columnsOf({ columns }: RelationSchema): readonly FileColumn[] {
    const own = parquetNames.ownNames(this.#spec)
    return [...columns.map(({ name, shape }) => ({ name, shape })), ...own.map((name) => ({ name, shape: text }))]
  }

  #keysOf(relation: RelationSchema): Uint8Array {
    let keys = this.#keys.get(relation)
    if (keys === undefined) {
      keys = new Uint8Array(relation.columns.length)
      for (const index of relation.keyIndexes) keys[index] = 1
      this.#keys.set(relation, keys)
    }
    return keys
  }

  #placesOf(from: RelationSchema, to: RelationSchema): readonly number[] {
    let byFile = this.#places.get(from)
    if (byFile === undefined) this.#places.set(from, (byFile = new WeakMap()))
    let places = byFile.get(to)
    if (places === undefined) {
      places = to.columns.map(({ name }) => from.columns.findIndex((column) => column.name === name))
      byFile.set(to, places)
    }
    return places
  }
}

function bytes(field: Uint8Array, out: ByteWriter): void {
  out.u32be(field.length)
  out.copy(field)
}
