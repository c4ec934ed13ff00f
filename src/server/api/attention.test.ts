import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobAnswer } from './answers.ts'
import { needsAttention } from './attention.ts'

const nowMs = 1_000_000_000

const job: JobAnswer = {
  id: '1',
  description: 'CREATE CHANGEFEED …',
  user: 'root',
  status: 'running',
  runningStatus: 'running: resolved=1.0,0',
  phase: 'following',
  error: '',
  problem: null,
  createdMs: 0,
  startedMs: 0,
  modifiedMs: 0,
  finishedMs: null,
  fraction: null,
  highWater: '1.0000000000',
  lagMs: 500,
  checkpointLagMs: 500,
  live: null,
}

function titles(jobs: readonly JobAnswer[]): readonly string[] {
  return needsAttention({ nowMs, problems: [], jobs }).map(({ severity, title }) => `${severity}: ${title}`)
}

test('a changefeed that runs and keeps up needs no attention, and one that is paused for a moment neither', () => {
  assert.deepEqual(
    titles([job, { ...job, status: 'paused', phase: 'paused' }, { ...job, phase: 'initial-scan', lagMs: null }]),
    [],
  )
})

test('a certificate is mentioned before what lags when it ends within two weeks, and among the worst when it has ended', () => {
  const end = (days: number) => ({ flag: '--tls-cert', endMs: nowMs + days * 24 * 3_600_000 }) as const
  const jobs = [{ ...job, id: '2', lagMs: 70_000 }, { ...job, id: '5', phase: 'retrying' } as const]
  const lines = (days: number): readonly string[] =>
    needsAttention({ nowMs, problems: [], certificates: [end(days)], jobs }).map(({ title }) => title)
  const [second, fifth] = ['Job 2 is behind', 'Job 5 tries again and again']
  assert.deepEqual(lines(15), [fifth, second])
  assert.deepEqual(lines(13), [fifth, 'TLS', second])
  assert.deepEqual(lines(-1), ['TLS', fifth, second])
  const [line] = needsAttention({ nowMs, problems: [], certificates: [end(-1)], jobs: [] })
  assert.deepEqual(
    [line?.severity, line?.detail, line?.hint],
    [
      'critical',
      'the certificate in --tls-cert has expired at 1970-01-11T13:46:40.000Z',
      'put another one there, and send SIGHUP to this server',
    ],
  )
})

test('problems come first, then what stands still, then what is furthest behind', () => {
  const lines = needsAttention({
    nowMs,
    problems: [{ database: 'shop', error: 'the slot is gone', hint: 'look' }],
    jobs: [
      { ...job, id: '2', lagMs: 70_000 },
      { ...job, id: '3', lagMs: 900_000 },
      { ...job, id: '4', status: 'paused', phase: 'paused', lagMs: 100_000 },
      { ...job, id: '5', phase: 'retrying', problem: { error: 'no broker', hint: 'start one' } },
      {
        ...job,
        id: '6',
        status: 'failed',
        phase: 'over',
        problem: { error: 'dropped', hint: 'create it anew' },
        finishedMs: nowMs,
      },
      { ...job, id: '7', phase: 'waiting', problem: { error: 'waiting for Kafka' } },
    ],
  })
  assert.deepEqual(
    lines.map(({ severity, title, detail, hint }) => [severity, title, detail, hint]),
    [
      ['critical', 'Database shop', 'the slot is gone', 'look'],
      ['critical', 'Job 5 tries again and again', 'no broker', 'start one'],
      ['critical', 'Job 6 failed', 'dropped', 'create it anew'],
      ['warning', 'Job 3 is behind', 'its high-water mark is old', undefined],
      [
        'warning',
        'Job 4 is paused',
        'what it has not emitted yet is kept in the changelog',
        'resume it, or cancel it if it is not needed any more',
      ],
      ['warning', 'Job 2 is behind', 'its high-water mark is old', undefined],
      ['warning', 'Job 7 waits', 'waiting for Kafka', undefined],
    ],
  )
})

test('a failure of the day before yesterday is not mentioned any more', () => {
  assert.deepEqual(titles([{ ...job, status: 'failed', phase: 'over', finishedMs: nowMs - 25 * 3_600_000 }]), [])
})
