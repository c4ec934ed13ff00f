import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBug, walk } from '../../test/support/walk-phases.ts'
import { FeedError } from '../errors/feed-error.ts'
import { exchangeOf, followLink, showsAnswers, showsAsides, type Exchange, type LinkPhase } from './link-phase.ts'
import { LinkState } from './link-state.ts'

const exchange = (): Exchange => ({ error: undefined, done: Promise.withResolvers() })
const phases: Readonly<Record<LinkPhase['tag'], LinkPhase>> = {
  authenticating: { tag: 'authenticating' },
  starting: { tag: 'starting' },
  replacing: { tag: 'replacing' },
  passing: { tag: 'passing' },
  relaying: { tag: 'relaying', exchange: exchange() },
  asking: { tag: 'asking', exchange: exchange(), rows: [], noticed: undefined },
  over: { tag: 'over' },
}
const where = (holds: (phase: LinkPhase) => boolean): string[] =>
  Object.values(phases)
    .filter(holds)
    .map(({ tag }) => tag)

test('of all pairs of phases of a connection to PostgreSQL exactly these follow each other', () => {
  assert.deepEqual(walk(phases, followLink), [
    'authenticating → starting, over',
    'starting → passing, over',
    'replacing → passing, over',
    'passing → passing, relaying, asking, over',
    'relaying → passing, over',
    'asking → passing, over',
    'over → nothing',
  ])
})

test('what the client sees depends on the phase alone', () => {
  assert.deepEqual(where(showsAnswers), ['authenticating', 'starting', 'passing', 'relaying'])
  assert.deepEqual(where(showsAsides), ['authenticating', 'starting', 'passing', 'relaying', 'asking'])
  assert.deepEqual(
    where((phase) => exchangeOf(phase) !== undefined),
    ['relaying', 'asking'],
  )
})

test('two exchanges at a time are a bug', () => {
  assert.throws(() => followLink(phases.asking, phases.relaying), isBug(/is asking cannot become relaying/))
})

test('when a connection ends, an exchange and those who wait for the server get the error', async () => {
  const state = new LinkState({ tag: 'passing' })
  const asked = exchange()
  state.enter({ tag: 'asking', exchange: asked, rows: [], noticed: undefined })
  assert.equal(state.isSettled, false)
  const waiting = assert.rejects(state.settling(), /the disk is full/)
  state.end(new FeedError('FEED_SOURCE_DOWN', 'the disk is full'))
  await asked.done.promise
  await waiting
  assert.match(asked.error?.message ?? '', /the disk is full/)
  assert.deepEqual([state.phase.tag, state.isSettled, state.isAwaited], ['over', true, false])
})
