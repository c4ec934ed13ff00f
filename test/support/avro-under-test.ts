// An Avro encoder with a registry in memory, and what avsc reads from its messages: for tests of the encoder alone.

import assert from 'node:assert/strict'
import { ByteWriter } from '../../src/bytes/byte-writer.ts'
import type { FeedSpec } from '../../src/core/feed-spec.ts'
import type { Hlc } from '../../src/core/hlc.ts'
import type { RelationSchema } from '../../src/core/relation.ts'
import { RowView } from '../../src/core/row-view.ts'
import type { ColumnDescription, TypeShape } from '../../src/core/table.ts'
import { readCopyLine } from '../../src/decode/copy-text.ts'
import { AvroEncoder } from '../../src/encode/avro/avro-encoder.ts'
import { MemoryRegistry } from './memory-registry.ts'
import { specOf } from './spec-of.ts'

/** A column; `type` is a scalar, with `[]` behind it an array of such values. */
export function avroColumn(
  name: string,
  attnum: number,
  type: string | TypeShape,
  more: Partial<ColumnDescription> = {},
): ColumnDescription {
  const shapeOf = (text: string): TypeShape =>
    text.endsWith('[]')
      ? { tag: 'array', element: shapeOf(text.slice(0, -2)), delimiter: ',' }
      : { tag: 'scalar', name: text }
  const shape = typeof type === 'string' ? shapeOf(type) : type
  const typeName = typeof type === 'string' ? type : type.tag
  return {
    name,
    attnum,
    typeOid: 0,
    typmod: -1,
    typeName,
    shape,
    notNull: false,
    hasDefault: false,
    generated: false,
    ...more,
  }
}

/** Values as text; null for NULL. */
export type Texts = readonly (string | null)[]

export interface Written {
  readonly relation: RelationSchema
  readonly after?: Texts | undefined
  readonly before?: Texts | undefined
  /** Whose columns `before` has, if not those of `relation`. */
  readonly beforeOf?: RelationSchema
  /** The key of a deleted row: its values, with null for all that was not logged. */
  readonly key?: Texts
  readonly at?: Hlc
}

export function rowOf(relation: RelationSchema, texts: Texts): RowView {
  const escaped = (text: string): string =>
    text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  const line = Buffer.from(texts.map((text) => (text === null ? '\\N' : escaped(text))).join('\t'))
  const row = new RowView()
  readCopyLine(line, 0, line.length, relation, row)
  row.relation = relation
  return row
}

export class AvroUnderTest {
  readonly registry = new MemoryRegistry()
  readonly encoder: AvroEncoder

  constructor(spec: Partial<FeedSpec> = {}) {
    this.encoder = new AvroEncoder(specOf({ format: 'avro', ...spec }), this.registry)
  }

  write({ relation, after, before, beforeOf = relation, key, at = { wall: 1n, logical: 2 } }: Written): {
    readonly key: Buffer
    readonly value: Buffer | undefined
  } {
    const schema = this.encoder.prepare(relation, 0)
    assert.ok(typeof schema === 'number')
    const time = Buffer.from(`${at.wall}.${String(at.logical).padStart(10, '0')}`)
    const row = after && rowOf(relation, after)
    const old = before && rowOf(beforeOf, before)
    const keyRow = row ?? (key === undefined ? old : rowOf(relation, key)) ?? assert.fail('a row must have a key')
    const out = new ByteWriter(1)
    this.encoder.encodeKey(relation, keyRow, out)
    const keyEnd = out.length
    const change = {
      relation,
      topic: 0,
      key: keyRow,
      after: row,
      before: old,
      updated: time,
      mvcc: time,
      committedMs: Number.NaN,
      schema,
    }
    const hasValue = this.encoder.encodeValue(change, out)
    const bytes = Buffer.from(out.view())
    return { key: bytes.subarray(0, keyEnd), value: hasValue ? bytes.subarray(keyEnd) : undefined }
  }

  resolved(at: Hlc, topic = 0): Buffer {
    assert.equal(this.encoder.prepareResolved(topic), undefined)
    const out = new ByteWriter(1)
    this.encoder.encodeResolved(topic, at, out)
    return Buffer.from(out.view())
  }

  /** `key->value`, both in Avro's JSON encoding. */
  line(written: Written): string {
    const { key, value } = this.write(written)
    return `${this.registry.decode(key).text}->${value === undefined ? '' : this.registry.decode(value).text}`
  }
}
