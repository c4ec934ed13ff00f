import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ScanTable } from '../../scan/table-facts.ts'
import { TableLook } from '../../../test/support/written-log.ts'
import { ScanCheckpoint } from './scan-checkpoint.ts'

const at = { wall: 5n, logical: 0 }
const cutOf = (pages: number, file = 'f1'): ReadonlyMap<number, ScanTable> =>
  new Map([[7, { file, pages, description: new TableLook().description }]])

test('finished pages grow together, whatever the order in which they finish', () => {
  const checkpoint = new ScanCheckpoint(at, cutOf(100), [])
  for (const [from, to] of [
    [40, 60],
    [0, 20],
    [20, 40],
  ] as const)
    checkpoint.finish(7, { from, to })
  assert.deepEqual(checkpoint.progress, { at, tables: [{ relid: 7, file: 'f1', done: [[0, 60]] }], fraction: 0.6 })
  assert.ok(checkpoint.isDone(7, { from: 20, to: 40 }))
  assert.ok(!checkpoint.isDone(7, { from: 60, to: 80 }))
  assert.ok(!checkpoint.isDone(7, { from: 40, to: undefined }))
  checkpoint.finish(7, { from: 80, to: undefined })
  checkpoint.finish(7, { from: 60, to: 80 })
  assert.deepEqual(checkpoint.progress.tables[0]?.done, [[0, null]])
  assert.equal(checkpoint.progress.fraction, 1)
})

test('a restart reads only the rest, also of a table that grew', () => {
  const saved = [{ relid: 7, file: 'f1', done: [[0, 64] as const] }]
  const checkpoint = new ScanCheckpoint(at, cutOf(300), saved)
  assert.ok(checkpoint.isDone(7, { from: 0, to: 64 }))
  assert.ok(!checkpoint.isDone(7, { from: 64, to: 128 }))
  checkpoint.finish(7, { from: 64, to: 128 })
  assert.deepEqual(saved[0]?.done, [[0, 64]])
})

test('a table that is left out stays in what is saved, and is looked at again when the scan is continued', () => {
  const checkpoint = new ScanCheckpoint(at, cutOf(100), [])
  checkpoint.leaveOut(7)
  const { tables, fraction } = checkpoint.progress
  assert.deepEqual([tables.map(({ relid }) => relid), fraction, checkpoint.pendingRanges], [[7], 1, 0])
  assert.ok(!new ScanCheckpoint(at, cutOf(100), tables).isDone(7, { from: 0, to: 64 }))
})

test('what is left is counted in ranges of pages, and the empty table is one', () => {
  const checkpoint = new ScanCheckpoint(at, cutOf(3000), [{ relid: 7, file: 'f1', done: [[0, 1024]] }])
  assert.equal(checkpoint.pendingRanges, 2)
  checkpoint.finish(7, { from: 1024, to: undefined })
  assert.equal(checkpoint.pendingRanges, 0)
  assert.equal(new ScanCheckpoint(at, cutOf(0), []).pendingRanges, 1)
})

test('a table with another file is read from its first page', () => {
  const checkpoint = new ScanCheckpoint(at, cutOf(300, 'f2'), [{ relid: 7, file: 'f1', done: [[0, null]] }])
  assert.ok(!checkpoint.isDone(7, { from: 0, to: 64 }))
})
