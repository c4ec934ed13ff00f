import assert from 'node:assert/strict'
import { test } from 'node:test'
import { specOf } from '../../../test/support/spec-of.ts'
import { TableLook, textColumn } from '../../../test/support/written-log.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'
import { RowView } from '../../core/row-view.ts'
import { readCopyLine } from '../../decode/copy-text.ts'
import { relationOfDescription } from '../../decode/schema-history.ts'
import { open } from './csv-encoder.ts'

const columns = [...'abc'].map((name, i) => textColumn(name, i + 1))
const wide = relationOfDescription(new TableLook({ columns }).description)
const narrow = relationOfDescription(new TableLook({ columns: columns.slice(0, 1) }).description)
const time = Buffer.from('1.0000000002')

function change(relation: RelationSchema, texts: readonly string[]): RowChange {
  const row = new RowView()
  const line = Buffer.from(texts.map((text) => text.replaceAll('\n', '\\n').replaceAll('\r', '\\r')).join('\t'))
  readCopyLine(line, 0, line.length, relation, row)
  return {
    relation,
    topic: 0,
    key: row,
    after: row,
    before: undefined,
    updated: time,
    mvcc: time,
    committedMs: Number.NaN,
    schema: 0,
  }
}

function line(relation: RelationSchema, ...texts: string[]): string {
  const out = new ByteWriter(1)
  assert.ok(open(specOf({ format: 'csv' })).encodeValue(change(relation, texts), out))
  return out.view().toString()
}

test('a value is quoted if it would be read as something else, and only then', () => {
  assert.equal(line(wide, '1', 'Alice', ''), '1,Alice,')
  assert.equal(line(wide, 'a,b', 'say "hi"', '"'), '"a,b","say ""hi""",""""')
  assert.equal(line(wide, 'a\nb', 'a\r', 'a b '), '"a\nb","a\r",a b ')
  assert.equal(line(wide, ' a', '\v', '\\\\.'), '" a","\v","\\."')
  assert.equal(line(wide, '\\N', 'NULL', 'null'), 'NULL,"NULL",null')
  assert.equal(line(wide, "it's", 'é;|', '{1}'), "it's,é;|,{1}")
})

test('a row that is nothing but an empty text is not an empty line', () => {
  assert.equal(line(narrow, ''), '""')
  assert.equal(line(narrow, '\\N'), 'NULL')
})

test('a deleted row and a resolved timestamp are never written', () => {
  const encoder = open(specOf({ format: 'csv' }))
  const out = new ByteWriter(1)
  assert.throws(() => encoder.encodeValue({ ...change(wide, ['1', '2', '3']), after: undefined }, out), {
    message: 'cannot encode deleted rows into CSV format',
  })
  assert.throws(() => encoder.encodeResolved(0, { wall: 1n, logical: 0 }, out))
  assert.equal(out.length, 0)
})
