import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { isBug, walk } from '../../test/support/walk-phases.ts'
import { followIngest, newAsked, type IngestPhase } from './ingest-phase.ts'

const worker = {} as Worker
const timer = {} as NodeJS.Timeout
const error = { code: 'FEED_START', message: 'another cluster' } as Extract<IngestPhase, { tag: 'failed' }>['error']
const phases: Readonly<Record<IngestPhase['tag'], IngestPhase>> = {
  preparing: { tag: 'preparing', worker, asked: newAsked() },
  ready: { tag: 'ready', worker },
  restarting: { tag: 'restarting', timer, asked: newAsked() },
  reviving: { tag: 'reviving', timer },
  refused: { tag: 'refused', worker, error },
  failed: { tag: 'failed', error },
  stopping: { tag: 'stopping', worker, ended: Promise.withResolvers() },
  stopped: { tag: 'stopped' },
}

test('of all pairs of phases of ingest exactly these follow each other', () => {
  assert.deepEqual(walk(phases, followIngest), [
    'preparing → preparing, ready, restarting, refused, stopping',
    'ready → reviving, refused, stopping',
    'restarting → preparing, stopped',
    'reviving → ready, stopped',
    'refused → failed, stopping',
    'failed → preparing, stopped',
    'stopping → stopped',
    'stopped → nothing',
  ])
})

test('ingest that has stopped does not begin again', () => {
  assert.throws(() => followIngest(phases.stopped, phases.preparing), isBug(/is stopped cannot become preparing/))
})
