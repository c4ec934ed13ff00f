import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LastKnown } from './last-known.ts'

test('while PostgreSQL does not answer it is asked once, and the last answer is given, with the reason', async () => {
  const known = new LastKnown<number>(20)
  assert.deepEqual(await known.ask('ann', async () => 1), { value: 1, trouble: undefined })
  const answer = Promise.withResolvers<number>()
  let asked = 0
  const hang = (): Promise<number> => {
    asked += 1
    return answer.promise
  }
  for (let i = 0; i < 3; i++)
    assert.deepEqual(await known.ask('ann', hang), { value: 1, trouble: 'PostgreSQL has not answered within 0.02 s' })
  assert.deepEqual([asked, (await known.ask('bob', hang)).value], [1, undefined])
  answer.resolve(2)
  await answer.promise
  assert.deepEqual(await known.ask('ann', async () => 3), { value: 3, trouble: undefined })
  const failing = known.ask('ann', async () => {
    throw new Error('it is away')
  })
  assert.deepEqual(await failing, { value: 3, trouble: 'it is away' })
})
