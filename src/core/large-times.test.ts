import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LargeTimes } from './large-times.ts'

test('messages that were noted have their times, and no others', () => {
  const times = new LargeTimes()
  for (let round = 0; round < 3; round++) {
    const expected = new Map<number, string>()
    for (let message = 0; message < 2000; message++) {
      if ((message * 7 + round) % 5 === 0) continue
      const time = `${Math.floor(message / 13)}.0`
      times.set(message, time)
      expected.set(message, time)
    }
    const moved = new LargeTimes()
    moved.set(3, 'before')
    moved.take(structuredClone(times.give()))
    for (let message = 0; message < 2100; message++)
      for (const each of [times, moved]) assert.equal(each.get(message), expected.get(message), `${message}`)
    times.clear()
    assert.equal(times.get(0), undefined)
  }
})

test('messages of one time that follow each other are one entry', () => {
  const times = new LargeTimes()
  for (let message = 5; message < 1000; message++) times.set(message, message < 500 ? 'a' : 'b')
  assert.equal(times.size, 2)
  assert.deepEqual(
    [4, 5, 499, 500, 999, 1000].map((message) => times.get(message)),
    [undefined, 'a', 'a', 'b', 'b', undefined],
  )
})
