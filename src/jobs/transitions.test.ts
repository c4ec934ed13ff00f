import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobEnd } from './jobs.ts'
import {
  acceptedIn,
  changedBy,
  endOf,
  finalStatuses,
  inSql,
  liveStatuses,
  nextStatus,
  nextStatusSql,
  statuses,
  stopReason,
  transitions,
  type JobEvent,
} from './transitions.ts'

const verbs = ['pause', 'resume', 'cancel'] as const
const ends = ['paused', 'canceled', 'succeeded', 'failed'] as const
const events: readonly JobEvent[] = [...verbs, ...ends]

test('every status knows of every event what comes next or why it is refused', () => {
  // Next statuses by event, in the order of `events`; a dash is a refusal.
  const expected = {
    running: ['pause-requested', 'running', 'cancel-requested', 'paused', '-', 'succeeded', 'failed'],
    'pause-requested': ['pause-requested', '-', 'cancel-requested', 'paused', '-', '-', '-'],
    'cancel-requested': ['-', '-', 'cancel-requested', '-', 'canceled', '-', '-'],
    paused: ['paused', 'running', 'cancel-requested', '-', '-', '-', '-'],
    canceled: ['-', '-', 'canceled', '-', '-', '-', '-'],
    succeeded: ['-', '-', '-', '-', '-', '-', '-'],
    failed: ['-', '-', '-', '-', '-', '-', '-'],
  }
  assert.deepEqual([...statuses].toSorted(), Object.keys(expected).toSorted())
  let pairs = 0
  for (const status of statuses) {
    assert.deepEqual(Object.keys(transitions[status]).toSorted(), [...events].toSorted())
    for (const [index, event] of events.entries()) {
      const next = transitions[status][event]
      assert.equal(nextStatus(status, event) ?? '-', expected[status][index], `${status}, ${event}`)
      if (typeof next !== 'string') assert.match(next.refused, /^(cannot|was|is) [a-z, ]+$/)
      pairs += 1
    }
  }
  assert.equal(pairs, 49)
})

test('a run ends in the status that its end is named after, and only where a server runs the job', () => {
  for (const status of statuses) {
    for (const end of ends) assert.ok([undefined, end].includes(nextStatus(status, end) as JobEnd | undefined))
  }
  assert.deepEqual(liveStatuses, ['running', 'pause-requested', 'cancel-requested'])
})

test('no request is lost: what was requested can only be followed by its own end or a cancel', () => {
  for (const status of statuses) {
    const reason = stopReason(status)
    if (reason === undefined) continue
    const end = endOf[reason]
    assert.equal(nextStatus(status, end), end)
    assert.equal(nextStatus('running', reason), status)
    const reached = events.flatMap((event) => nextStatus(status, event) ?? [])
    const allowed = new Set([status, end, 'cancel-requested'])
    assert.deepEqual(
      reached.filter((after) => !allowed.has(after)),
      [],
    )
  }
})

test('every job can come to an end, and what is over stays as it is', () => {
  assert.deepEqual([...finalStatuses].toSorted(), ['canceled', 'failed', 'succeeded'])
  for (const status of statuses) {
    if (finalStatuses.includes(status)) continue
    const requested = nextStatus(status, 'cancel')
    assert.equal(requested, 'cancel-requested', status)
  }
  assert.equal(nextStatus('cancel-requested', 'canceled'), 'canceled')
})

test('conditions in SQL say what the table says', () => {
  assert.deepEqual(changedBy('cancel'), ['running', 'pause-requested', 'paused'])
  assert.deepEqual(acceptedIn('pause'), ['running', 'pause-requested', 'paused'])
  assert.equal(inSql(liveStatuses), `('running', 'pause-requested', 'cancel-requested')`)
  assert.equal(nextStatusSql('resume', 'jobs.status'), `CASE jobs.status WHEN 'paused' THEN 'running' END`)
})
