// What a changefeed writes for one relation: its schemas, and the bytes of keys and values after they are registered.
//
//   message := 0, id of the schema (four bytes), record

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { FeedSpec, FeedTarget } from '../../core/feed-spec.ts'
import type { RelationColumn, RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'
import type { RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { refusedColumn } from './refused-type.ts'
import { RowWriter } from './row-writer.ts'
import { TargetSchemas, type ColumnField } from './schemas.ts'
import { columnType } from './value-type.ts'
import { branch } from './value-writer.ts'
import { writeLong } from './write-long.ts'

export interface RegisteredIds {
  readonly key: number
  /** 0: the messages have no value. */
  readonly value: number
}

export class TableWriter {
  readonly schemas: TargetSchemas
  readonly keySchema: string
  readonly valueSchema: string
  readonly #spec: FeedSpec
  readonly #key: RowWriter
  readonly #row: RowWriter
  readonly #before: RowWriter
  #keyHeader: Buffer = noHeader
  #valueHeader: Buffer = noHeader

  constructor(spec: FeedSpec, target: FeedTarget, relation: RelationSchema) {
    const { columns, description, keyIndexes } = relation
    if (keyIndexes.length === 0) {
      throw new FeedError('FEED_ROW', `table "${description.name}" has no primary key any more`)
    }
    const fields = columns.map((column) => columnField(relation, column, false))
    const keys = keyIndexes.map((index) => columnField(relation, columns[index] as RelationColumn, true))
    this.schemas = new TargetSchemas(spec, target)
    this.keySchema = this.schemas.key(keys)
    this.valueSchema = this.schemas.value(fields)
    this.#spec = spec
    this.#key = new RowWriter(relation, keys)
    this.#row = new RowWriter(relation, fields)
    this.#before = new RowWriter(relation, fields, true)
  }

  registered({ key, value }: RegisteredIds): void {
    this.#keyHeader = messageHeader(key)
    this.#valueHeader = messageHeader(value)
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
  throw refusedColumn({ schema, table: name, column: column.name, type })
}
