import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBug, walk } from '../../test/support/walk-phases.ts'
import { followRun, isActive, type RunPhase } from './run-phase.ts'

const next = Promise.withResolvers<void>()
const outcome = { commandTag: 'TICK 1' }
const phases: Readonly<Record<RunPhase['tag'], RunPhase>> = {
  waiting: { tag: 'waiting', next },
  running: { tag: 'running', startedAt: 0, rowsLeft: 1, over: Promise.withResolvers(), leaving: undefined },
  pausing: { tag: 'pausing', next },
  ending: { tag: 'ending', outcome },
  over: { tag: 'over', outcome },
}

test('of all pairs of phases of a run exactly these follow each other', () => {
  assert.deepEqual(walk(phases, followRun), [
    'waiting → running, over',
    'running → pausing, ending',
    'pausing → waiting, ending',
    'ending → over',
    'over → nothing',
  ])
})

test('a statement may write to its client from the moment it is asked for rows until the client has them', () => {
  assert.deepEqual(
    Object.values(phases).flatMap((phase) => (isActive(phase) ? phase.tag : [])),
    ['running', 'pausing', 'ending'],
  )
})

test('a statement that has ended cannot become active again', () => {
  assert.throws(() => followRun(phases.over, phases.running), isBug(/is over cannot become running/))
})
