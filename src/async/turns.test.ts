import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as later } from 'node:timers/promises'
import { Turns } from './turns.ts'

test('one has a key at a time, in the order in which they came; other keys are free meanwhile', async () => {
  const turns = new Turns<number>()
  const order: string[] = []
  const run = async (name: string, keys: readonly number[]): Promise<Disposable> => {
    const turn = await turns.take(keys)
    order.push(name)
    return turn
  }
  const first = await run('a has 1', [1])
  const both = run('b has 1 and 2', [1, 2])
  const behind = run('c has 2', [2])
  await run('d has 3', [3])
  await later()
  assert.deepEqual(order, ['a has 1', 'd has 3'])
  first[Symbol.dispose]()
  const second = await both
  await later()
  assert.deepEqual(order.slice(2), ['b has 1 and 2'])
  second[Symbol.dispose]()
  ;(await behind)[Symbol.dispose]()
  assert.deepEqual(order.slice(3), ['c has 2'])
})

test('who leaves the line is in nobody’s way', async () => {
  const turns = new Turns<string>()
  const first = await turns.take(['a'])
  const leaving = new AbortController()
  const left = turns.take(['a', 'b'], leaving.signal)
  const next = turns.take(['b'])
  const reason = new Error('left')
  leaving.abort(reason)
  await assert.rejects(left, reason)
  ;(await next)[Symbol.dispose]()
  first[Symbol.dispose]()
  ;(await turns.take(['a', 'b']))[Symbol.dispose]()
  await assert.rejects(turns.take(['a'], leaving.signal), reason)
})
