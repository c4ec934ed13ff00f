// What a changefeed writes for one relation: its schemas, and the bytes of keys and values after they are registered.
//
//   message := 0, id of the schema (four bytes), record

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { FeedSpec, FeedTarget } from '../../core/feed-spec.ts'
import type { RelationColumn, RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'
import type { RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { SchemaRegistry } from '../../schema-registry/schema-registry.ts'
import { refusedColumn } from './refused-type.ts'
import { RowWriter } from './row-writer.ts'
import { TargetSchemas, type ColumnField } from './schemas.ts'
import { columnType } from './value-type.ts'
import { branch } from './value-writer.ts'
import { writeLong } from './write-long.ts'

export class TableWriter {
  readonly #spec: FeedSpec
  readonly #schemas: TargetSchemas
  readonly #keyFields: readonly ColumnField[]
  /** Messages without a value have none. */
  readonly #fields: readonly ColumnField[]
  readonly #key: RowWriter
  readonly #row: RowWriter
  readonly #before: RowWriter
  #keyHeader: Buffer = noHeader
  #valueHeader: Buffer = noHeader
  #schema = 0

  constructor(spec: FeedSpec, target: FeedTarget, relation: RelationSchema) {
    const { columns, description, keyIndexes } = relation
    if (keyIndexes.length === 0) {
      throw new FeedError('FEED_ROW', `table "${description.name}" has no primary key any more`)
    }
    const written = spec.envelope === 'key_only' ? [] : columns
    this.#spec = spec
    this.#schemas = new TargetSchemas(spec, target)
    this.#keyFields = keyIndexes.map((index) => columnField(relation, columns[index] as RelationColumn, true))
    this.#fields = written.map((column) => columnField(relation, column, false))
    this.#key = new RowWriter(relation, this.#keyFields)
    this.#row = new RowWriter(relation, this.#fields)
    this.#before = new RowWriter(relation, this.#fields, true)
  }

  /** The id of the schema of values, or of keys if there are no values. */
  get schema(): number {
    return this.#schema
  }

  /** Returns `schema`, when messages can be written. */
  register(registry: SchemaRegistry): number | Promise<number> {
    const key = registry.register(this.#schemas.keySubject, this.#schemas.key(this.#keyFields))
    return typeof key === 'number'
      ? this.#registerValue(registry, key)
      : key.then((id) => this.#registerValue(registry, id))
  }

  #registerValue(registry: SchemaRegistry, key: number): number | Promise<number> {
    if (this.#spec.envelope === 'key_only') return this.#registered(key, key)
    const value = registry.register(this.#schemas.valueSubject, this.#schemas.value(this.#fields))
    return typeof value === 'number' ? this.#registered(key, value) : value.then((id) => this.#registered(key, id))
  }

  #registered(key: number, value: number): number {
    this.#keyHeader = messageHeader(key)
    this.#valueHeader = messageHeader(value)
    this.#schema = value
    return value
  }

  key(row: RowView, out: ByteWriter): void {
    out.copy(this.#keyHeader)
    this.#key.write(row, out)
  }

  value({ before, after, updated, mvcc }: RowChange, out: ByteWriter): void {
    const { diff, mvccTimestamp, updated: withUpdated } = this.#spec
    out.copy(this.#valueHeader)
    if (diff) writeOptional(this.#before, before, out)
    writeOptional(this.#row, after, out)
    if (withUpdated) writeTimestampText(updated, out)
    if (mvccTimestamp) writeTimestampText(mvcc, out)
  }
}

function writeOptional(writer: RowWriter, row: RowView | undefined, out: ByteWriter): void {
  if (row === undefined) return out.u8(branch.null)
  out.u8(branch.first)
  writer.write(row, out)
}

const noHeader = Buffer.alloc(0)

export function messageHeader(id: number): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(id, 1)
  return header
}

export function writeTimestampText(text: Buffer, out: ByteWriter): void {
  out.u8(branch.first)
  writeLong(text.length, out)
  out.copy(text)
}

function columnField(relation: RelationSchema, column: RelationColumn, inKey: boolean): ColumnField {
  const type = columnType(column, inKey)
  if (type.tag === 'type') return { column, type }
  const { schema, name } = relation.description
  throw refusedColumn({ schema, table: name, column: column.name, type, isLater: true })
}
