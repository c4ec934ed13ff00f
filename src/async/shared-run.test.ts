import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SharedRun } from './shared-run.ts'

test('a hundred questions at once are answered by two runs, and a failure is forgotten', async () => {
  const shared = new SharedRun<number>()
  let runs = 0
  let atOnce = 0
  const work = async (): Promise<number> => {
    atOnce += 1
    assert.equal(atOnce, 1)
    await new Promise((resolve) => setImmediate(resolve))
    atOnce -= 1
    runs += 1
    if (runs === 3) throw new Error('the third one fails')
    return runs
  }
  const answers = await Promise.all(Array.from({ length: 100 }, () => shared.run(work)))
  assert.deepEqual(answers, [1, ...Array.from({ length: 99 }, () => 2)])
  const failed = shared.run(work)
  const next = shared.run(work)
  await assert.rejects(failed, /third/)
  assert.equal(await next, 4)
  assert.equal(await shared.run(work), 5)
})
