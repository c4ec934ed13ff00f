import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Slots } from './slots.ts'

test('no more work than wanted runs at a time, in the order of the questions, and a line that is too long is refused', async () => {
  const slots = new Slots({ most: 2, mostWaiting: 3, refusal: () => new Error('too many') })
  let atOnce = 0
  let most = 0
  const order: number[] = []
  const ask = (n: number): Promise<number> =>
    slots.run(async () => {
      atOnce += 1
      most = Math.max(most, atOnce)
      order.push(n)
      await new Promise((resolve) => setImmediate(resolve))
      atOnce -= 1
      if (n === 1) throw new Error('the first one fails')
      return n
    })
  const answers = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(ask))
  const texts = answers.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error).message))
  assert.deepEqual(texts, ['the first one fails', 2, 3, 4, 5, 'too many'])
  assert.deepEqual([order, most], [[1, 2, 3, 4, 5], 2])
  assert.equal(await ask(7), 7)
})
