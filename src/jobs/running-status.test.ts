import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ScanProgress } from '../core/job-progress.ts'
import { runningStatus } from './running-status.ts'

const names = ['a', 'b', 'c', 'd', 'e']
const targets = names.map((name, relid) => ({ relid, topic: name, tableName: name }))
const at = { wall: 1_536_242_855_577_149_065n, logical: 3 }
const scanOf = (relids: readonly number[]): ScanProgress => ({
  at,
  tables: relids.map((relid) => ({ relid, file: 'f', done: [] })),
  fraction: 0.5,
})

test('running_status says how far a job is resolved, and which tables it backfills', () => {
  assert.equal(runningStatus({ tag: 'initial-scan', scan: undefined }, targets), null)
  assert.equal(runningStatus({ tag: 'following', highWater: at }, targets), 'running: resolved=1536242855.577149065,3')
  assert.equal(
    runningStatus({ tag: 'backfill', at, scan: scanOf([]) }, targets),
    'running: resolved=1536242855.577149065,2',
  )
  for (const [relids, tables] of [
    [[1], 'table "b"'],
    [[0, 3], 'tables "a", "d"'],
    [[0, 1, 2, 3, 4], 'tables "a", "b", "c" and 2 more'],
  ] as const) {
    assert.equal(
      runningStatus({ tag: 'backfill', at, scan: scanOf(relids) }, targets),
      `running: backfilling ${tables} after the schema change at 1536242855577149065.0000000003`,
    )
  }
})
