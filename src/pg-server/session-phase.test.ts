import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBug, walk } from '../../test/support/walk-phases.ts'
import { followSession, type SessionPhase } from './session-phase.ts'

const answering = { isNextLater: false }
const phases: Readonly<Record<SessionPhase['tag'], SessionPhase>> = {
  authenticating: { tag: 'authenticating' },
  passing: { tag: 'passing' },
  answering: { tag: 'answering', answering },
  copying: { tag: 'copying', answering },
  leaving: { tag: 'leaving' },
  closed: { tag: 'closed' },
}

test('of all pairs of phases of a session exactly these follow each other', () => {
  assert.deepEqual(walk(phases, followSession), [
    'authenticating → passing, closed',
    'passing → answering, leaving, closed',
    'answering → passing, copying, closed',
    'copying → passing, answering, closed',
    'leaving → closed',
    'closed → nothing',
  ])
})

test('a phase that follows is entered with its own data', () => {
  const held = { isNextLater: true }
  assert.equal(followSession(phases.answering, { tag: 'copying', answering: held }).tag, 'copying')
  const copying: SessionPhase = { tag: 'copying', answering: held }
  assert.equal(followSession(phases.answering, copying), copying)
})

test('a session that is closed stays closed, and a step out of it is a bug that names both phases', () => {
  assert.throws(() => followSession(phases.closed, phases.passing), isBug(/is closed cannot become passing/))
})
