import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobStatus } from './jobs.ts'
import { resumeHint } from './resume-hint.ts'
import { nextStatus, statuses } from './transitions.ts'

const hintOf = (status: JobStatus, highWater: string | null = '5.0000000000'): string =>
  resumeHint({ id: '7', status, highWater }) ?? ''

test('every status that refuses RESUME has a hint how to go on, and no other has one', () => {
  for (const status of statuses) assert.equal(hintOf(status) === '', nextStatus(status, 'resume') !== undefined, status)
})

test('what a job that has ended has not delivered is not passed over by the cursor of the hint', () => {
  for (const status of ['canceled', 'cancel-requested', 'succeeded'] as const) {
    assert.match(hintOf(status), /CREATE CHANGEFEED … WITH cursor = '5\.0000000000'/)
    assert.doesNotMatch(hintOf(status, null), /cursor =/)
  }
  // Whether a cursor leads past the error of a failed job depends on the error.
  assert.doesNotMatch(hintOf('failed'), /cursor/)
})
