import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScanTurn } from './scan-turn.ts'

test('a turn is asked for, had, and given back once; a feed that is stopped waits no longer', async () => {
  const abort = new AbortController()
  const said: string[] = []
  const turn = new ScanTurn({ ask: () => said.push('ask'), end: () => said.push('end'), signal: abort.signal })
  const taking = turn.take()
  // The feed has no turn yet that it could give back.
  turn.giveBack()
  assert.deepEqual(said, ['ask'])
  turn.granted()
  {
    using _turn = await taking
    turn.giveBack()
    assert.deepEqual(said, ['ask', 'end'])
  }
  assert.deepEqual(said, ['ask', 'end'])
  const again = turn.take()
  abort.abort(new Error('stopped'))
  await assert.rejects(again, { message: 'stopped' })
})
