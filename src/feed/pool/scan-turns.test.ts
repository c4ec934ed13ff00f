import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScanTurns } from './scan-turns.ts'

test('so many feeds scan at once, and the others follow in the order in which they have asked', () => {
  const turns = new ScanTurns()
  const granted: number[] = []
  const ask = (feed: number): boolean => turns.ask(feed, () => granted.push(feed))
  let most = 0
  while (ask(most)) most += 1
  assert.equal(granted.length, most)
  // `most` waits already.
  for (const feed of [most + 1, most + 2, most + 3]) assert.equal(ask(feed), false)
  turns.end(0)
  assert.equal(granted.at(-1), most)
  // One that waits is over; ending twice gives no second turn.
  turns.end(most + 1)
  turns.end(0)
  assert.equal(granted.length, most + 1)
  turns.end(1)
  turns.end(2)
  assert.deepEqual(granted.slice(most), [most, most + 2, most + 3])
  turns.end(3)
  assert.equal(ask(100), true)
})

test('as many feeds are asked for their turns as others wait, each once', () => {
  const turns = new ScanTurns(2)
  const ask = (feed: number): boolean => turns.ask(feed, () => undefined)
  ask(1)
  ask(2)
  assert.equal(turns.askBack(1), false)
  ask(3)
  // A feed that waits has no turn to give.
  assert.equal(turns.askBack(3), false)
  assert.equal(turns.askBack(1), true)
  assert.equal(turns.askBack(1), false)
  assert.equal(turns.askBack(2), false)
  turns.end(1)
  assert.equal(turns.askBack(2), false)
  ask(1)
  assert.equal(turns.askBack(3), true)
})
