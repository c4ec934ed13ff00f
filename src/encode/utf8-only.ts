// An encoder for a database in SQL_ASCII, where PostgreSQL takes any bytes for text. Messages are in UTF-8: text that is not would have to be
// changed, and two keys that differ could become equal. So such a row ends the feed. The error names the table and the columns, and never a value.

import { isUtf8 } from 'node:buffer'
import type { ByteWriter } from '../bytes/byte-writer.ts'
import { quoteName } from '../core/quote.ts'
import type { RelationColumn, RelationSchema } from '../core/relation.ts'
import type { RowChange } from '../core/row-change.ts'
import { kind, type RowView } from '../core/row-view.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { Encoder } from './encoder.ts'
import { repairText } from './repair-text.ts'

export function utf8Only(encoder: Encoder): Encoder {
  return {
    ...(encoder.hasKeys === false ? { hasKeys: false } : {}),
    prepare: (relation, topic) => encoder.prepare(relation, topic),
    ...(encoder.header === undefined ? {} : { header: (schema) => encoder.header?.(schema) }),
    ...(encoder.columns === undefined ? {} : { columns: (schema) => encoder.columns?.(schema) }),
    encodeKey(relation: RelationSchema, row: RowView, out: ByteWriter): void {
      for (const index of relation.keyIndexes) checkValue(relation, row, index)
      encoder.encodeKey(relation, row, out)
    },
    encodeValue(change: RowChange, out: ByteWriter): boolean {
      const { relation, after, before } = change
      if (after !== undefined) checkRow(relation, after)
      if (before !== undefined) checkRow(before.relation ?? relation, before)
      return encoder.encodeValue(change, out)
    },
    prepareResolved: (topic) => encoder.prepareResolved(topic),
    encodeResolved: (topic, at, out) => encoder.encodeResolved(topic, at, out),
  }
}

function checkRow(relation: RelationSchema, row: RowView): void {
  for (let i = 0; i < row.count; i++) checkValue(relation, row, i)
}

function checkValue(relation: RelationSchema, row: RowView, index: number): void {
  if (row.kinds[index] !== kind.text) return
  if (!isUtf8(row.bytes.subarray(row.starts[index], row.ends[index]))) throw notUtf8(relation, index)
}

function notUtf8({ description, columns, keyIndexes }: RelationSchema, index: number): FeedError {
  const nameOf = (i: number): string => quoteName(columns[i]?.name ?? '')
  const table = `${quoteName(description.schema)}.${quoteName(description.name)}`
  const column = nameOf(index)
  return new FeedError('FEED_ROW', `column ${column} of a row of table ${table} is not UTF-8`, {
    detail: `The database is in SQL_ASCII, where PostgreSQL does not check text. The columns of the key are ${keyIndexes.map(nameOf).join(', ')}.`,
    hint: repairText(table, columns[index] as RelationColumn),
  })
}
