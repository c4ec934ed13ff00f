import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kind, RowView } from '../core/row-view.ts'
import { fillUnchanged } from './fill-unchanged.ts'

function view(...columns: readonly (readonly [kind: number, start: number, end: number])[]): RowView {
  const row = new RowView()
  row.reset(columns.length)
  for (const [i, [k, start, end]] of columns.entries()) {
    row.kinds[i] = k
    row.starts[i] = start
    row.ends[i] = end
  }
  return row
}

const columnsOf = (row: RowView): number[][] =>
  Array.from({ length: row.count }, (_, i) => [row.kinds[i], row.starts[i], row.ends[i]] as number[])

test('unchanged values are found in the old row, and only they', () => {
  const old = view([kind.text, 10, 11], [kind.text, 20, 29], [kind.null, 30, 30], [kind.text, 40, 41])
  const row = view([kind.text, 50, 51], [kind.unchanged, 60, 60], [kind.unchanged, 61, 61], [kind.null, 62, 62])
  assert.equal(fillUnchanged(row, old), true)
  assert.deepEqual(columnsOf(row), [
    [kind.text, 50, 51],
    [kind.text, 20, 29],
    [kind.null, 30, 30],
    [kind.null, 62, 62],
  ])
})

test('a value that the old row does not hold either is reported', () => {
  const row = (): RowView => view([kind.text, 1, 2], [kind.unchanged, 3, 3])
  assert.equal(fillUnchanged(row(), view([kind.text, 4, 5], [kind.unchanged, 6, 6])), false)
  assert.equal(fillUnchanged(row(), view([kind.text, 4, 5])), false)
})
