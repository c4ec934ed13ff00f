import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TableLook, textColumn } from '../../../test/support/written-log.ts'
import { kind, RowView } from '../../core/row-view.ts'
import type { TableDescription } from '../../core/table.ts'
import { relationOfDescription } from '../../decode/schema-history.ts'
import { TablesAtEnd, type RowsAtEnd } from './tables-at-end.ts'

const narrow = new TableLook().description

function added(more: Partial<TableDescription['columns'][number]>): TableDescription {
  return { ...narrow, columns: [...narrow.columns, { ...textColumn('c', 3), ...more }] }
}

/** What becomes of the rows of the narrow table when a transaction makes this of it. */
function atEnd(after: TableDescription, readsRowsAgain = false): RowsAtEnd | undefined {
  const changes = new Map([[narrow.relid, { before: narrow, after }]])
  return TablesAtEnd.from(changes, () => readsRowsAgain)?.of(relationOfDescription(narrow))
}

/** The values of the row `1, x` at the end. */
function valuesOf(found: RowsAtEnd | undefined): readonly (string | null)[] {
  const row = new RowView()
  row.reset(2)
  row.bytes = Buffer.from('..x..1')
  row.kinds.fill(kind.text)
  ;[row.starts[0], row.ends[0], row.starts[1], row.ends[1]] = [5, 6, 2, 3]
  const end = found?.conversion?.of(row) ?? assert.fail('the values are not known')
  return Array.from({ length: end.count }, (_, i) =>
    end.kinds[i] === kind.null ? null : end.bytes.toString('utf8', end.starts[i], end.ends[i]),
  )
}

test('values are found wherever they lie, and added columns have what older rows have', () => {
  assert.deepEqual(valuesOf(atEnd(added({ missing: null }))), ['1', 'x', null])
  assert.deepEqual(valuesOf(atEnd(added({ missing: '' }))), ['1', 'x', ''])
  assert.deepEqual(valuesOf(atEnd(added({ missing: 'é' }))), ['1', 'x', 'é'])
  assert.deepEqual(valuesOf(atEnd({ ...narrow, columns: narrow.columns.slice(0, 1) })), ['1'])
})

test('what an earlier version has described is known as far as it says it', () => {
  assert.deepEqual(valuesOf(atEnd(added({}))), ['1', 'x', null])
  assert.equal(atEnd(added({ hasDefault: true }))?.conversion, undefined)
})

test('values are not known after all rows were written anew, and then rows may be read again', () => {
  const rewritten = { ...narrow, rewrites: 1 }
  assert.deepEqual(atEnd(rewritten), { conversion: undefined, hasSameKey: true, isReadAgain: false })
  assert.deepEqual(atEnd(rewritten, true), { conversion: undefined, hasSameKey: true, isReadAgain: true })
  assert.equal(atEnd(added({ missing: null }), true)?.isReadAgain, false)
})

test('rows of a table that is as it was, or is dropped, are as they were logged', () => {
  assert.equal(atEnd({ ...narrow }), undefined)
  assert.equal(atEnd({ ...narrow, dropped: true }), undefined)
  assert.equal(
    TablesAtEnd.from(new Map(), () => true),
    undefined,
  )
})
