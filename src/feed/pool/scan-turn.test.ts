import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScanTurn } from './scan-turn.ts'

test('a turn is asked for, had, taken, and given back once; a feed that is stopped waits no longer', async () => {
  const abort = new AbortController()
  const said: string[] = []
  const turn = new ScanTurn({
    ask: (reason) => said.push(`ask ${reason}`),
    end: () => said.push('end'),
    signal: abort.signal,
  })
  const taking = turn.take('backfill')
  // The feed has no turn yet that it could give back.
  turn.wanted()
  assert.deepEqual(said, ['ask backfill'])
  turn.granted()
  const had = await taking
  assert.equal(had.taken.aborted, false)
  turn.wanted()
  assert.equal(had.taken.aborted, true)
  // The connections are still open.
  assert.deepEqual(said, ['ask backfill'])
  had[Symbol.dispose]()
  had[Symbol.dispose]()
  assert.deepEqual(said, ['ask backfill', 'end'])
  const again = turn.take('initial')
  abort.abort(new Error('stopped'))
  await assert.rejects(again, { message: 'stopped' })
})
