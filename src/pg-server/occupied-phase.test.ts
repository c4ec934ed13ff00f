import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBug, walk } from '../../test/support/walk-phases.ts'
import { followOccupied, type OccupiedPhase } from './occupied-phase.ts'

const wait = { done: Promise.resolve(), canceling: Promise.resolve() }
const begun = Promise.withResolvers<void>()
const phases: Readonly<Record<OccupiedPhase['tag'], OccupiedPhase>> = {
  free: { tag: 'free' },
  quiet: { tag: 'quiet', timer: setTimeout(() => undefined, 0) },
  beginning: { tag: 'beginning', wait, begun },
  waiting: { tag: 'waiting', wait, begun },
  stopping: { tag: 'stopping', wait },
  spent: { tag: 'spent', wait },
}

test('of all pairs of phases of an occupied backend exactly these follow each other', () => {
  assert.deepEqual(walk(phases, followOccupied), [
    'free → quiet',
    'quiet → free, beginning',
    'beginning → waiting, stopping, spent',
    'waiting → beginning, stopping, spent',
    'stopping → free',
    'spent → free',
  ])
})

test('a backend that waits is not used for anything else before the wait was stopped', () => {
  assert.throws(() => followOccupied(phases.waiting, phases.free), isBug(/is waiting cannot become free/))
})
