// The encoder of format=csv. A message is one line without its end: the columns of a row in the order of the table. It has no
// key. Values are PostgreSQL's text as `value::text` prints it; NULL is `NULL`. So `COPY … (FORMAT csv, NULL 'NULL')` reads the
// lines back, because the text 'NULL' is quoted.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'
import { kind } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Encoder } from '../encoder.ts'
import { schemaNumber } from '../schema-number.ts'
import { writeField } from './write-field.ts'

const comma = 0x2c
const quote = 0x22
const letterT = 0x74
const text = { null: Buffer.from('NULL'), true: Buffer.from('true'), false: Buffer.from('false') } as const

export function open(_spec: FeedSpec): Encoder {
  return new CsvEncoder()
}

class CsvEncoder implements Encoder {
  readonly hasKeys = false
  readonly #headers = new Map<number, Uint8Array>()
  /** By column: 1 if it is a boolean, whose text in a row is `t` or `f`. */
  readonly #booleans = new WeakMap<RelationSchema, Uint8Array>()
  #lastRelation: RelationSchema | undefined
  #lastBooleans: Uint8Array | undefined

  prepare(relation: RelationSchema): number {
    const schema = schemaNumber(relation)
    if (!this.#headers.has(schema)) this.#headers.set(schema, headerOf(relation))
    return schema
  }

  header(schema: number): Uint8Array | undefined {
    return this.#headers.get(schema)
  }

  encodeKey(): void {
    // CSV has no keys.
  }

  encodeValue({ after: row, relation }: RowChange, out: ByteWriter): boolean {
    if (row === undefined) throw new FeedError('FEED_BUG', 'cannot encode deleted rows into CSV format')
    const booleans = this.#booleansOf(row.relation ?? relation)
    const start = out.length
    for (let i = 0; i < booleans.length; i++) {
      if (i > 0) out.u8(comma)
      const k = i < row.count ? row.kinds[i] : undefined
      if (k === kind.null) out.copy(text.null)
      else if (k !== kind.text) throw new FeedError('FEED_BUG', 'a placeholder reached the encoder in place of a value')
      else if (booleans[i] === 1) out.copy(row.bytes[row.starts[i] as number] === letterT ? text.true : text.false)
      else writeField(row.bytes, row.starts[i] as number, row.ends[i] as number, out)
    }
    // Readers of CSV skip an empty line, so a row that is nothing but an empty text is quoted.
    if (out.length === start && booleans.length === 1) {
      out.u8(quote)
      out.u8(quote)
    }
    return true
  }

  prepareResolved(): undefined {
    return undefined
  }

  encodeResolved(): void {
    throw new FeedError('FEED_BUG', 'a changefeed with format=csv emits no resolved timestamps')
  }

  #booleansOf(relation: RelationSchema): Uint8Array {
    if (relation === this.#lastRelation) return this.#lastBooleans as Uint8Array
    let booleans = this.#booleans.get(relation)
    if (booleans === undefined) {
      booleans = Uint8Array.from(relation.columns, ({ shape }) =>
        shape.tag === 'scalar' && shape.name === 'bool' ? 1 : 0,
      )
      this.#booleans.set(relation, booleans)
    }
    this.#lastRelation = relation
    this.#lastBooleans = booleans
    return booleans
  }
}

/** The names of the columns, as a line without its end. */
function headerOf({ columns }: RelationSchema): Uint8Array {
  const out = new ByteWriter(256)
  for (const [i, { name }] of columns.entries()) {
    if (i > 0) out.u8(comma)
    const bytes = Buffer.from(name)
    writeField(bytes, 0, bytes.length, out)
  }
  return out.take()
}
