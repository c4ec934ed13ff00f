import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBug, walk } from '../../../test/support/walk-phases.ts'
import { Batch, followBatch, type BatchPhase } from './batch.ts'

const phases: Readonly<Record<BatchPhase['tag'], BatchPhase>> = {
  filling: { tag: 'filling' },
  waiting: { tag: 'waiting', failures: 0 },
  sending: { tag: 'sending', failures: 0 },
  'backing-off': { tag: 'backing-off', failures: 1 },
  delivered: { tag: 'delivered' },
  split: { tag: 'split' },
}

test('of all pairs of phases of a batch exactly these follow each other', () => {
  assert.deepEqual(walk(phases, followBatch), [
    'filling → waiting',
    'waiting → sending',
    'sending → waiting, backing-off, delivered, split',
    'backing-off → waiting',
    'delivered → nothing',
    'split → nothing',
  ])
})

test('a batch counts its failed attempts while it may be sent again', () => {
  const batch = new Batch('body', 7)
  const seen: number[] = []
  for (const tag of ['waiting', 'sending', 'backing-off', 'waiting', 'sending'] as const) {
    batch.enter({ tag, failures: tag === 'backing-off' ? batch.failures + 1 : batch.failures })
    seen.push(batch.failures)
  }
  assert.deepEqual(seen, [0, 0, 1, 1, 1])
})

test('a batch that was delivered is not sent again: that is a bug that names both phases', () => {
  const batch = new Batch('body', 0, { phase: phases.sending })
  batch.enter(phases.delivered)
  assert.throws(() => batch.enter(phases.sending), isBug(/is delivered cannot become sending/))
})
