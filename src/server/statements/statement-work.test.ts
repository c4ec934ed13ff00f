import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StatementWork } from './statement-work.ts'

test('of many statements at once some work, some wait, and the rest hears what to do; what waits for locks does not hold up checks', async () => {
  const work = new StatementWork({ mostChecks: 2, mostBeginnings: 1, mostWaiting: 3 })
  const over = Promise.withResolvers<string>()
  const { signal } = new AbortController()
  const runs = Array.from({ length: 5 }, () => work.check(signal, () => over.promise))
  await assert.rejects(
    work.check(signal, () => over.promise),
    {
      message: '3 statements about changefeeds wait for others already',
      sqlstate: '53300',
      hint: 'run fewer of them at a time, and try again',
    },
  )
  assert.equal(await work.begin(signal, () => Promise.resolve('begun')), 'begun')
  over.resolve('checked')
  assert.deepEqual(
    await Promise.all(runs),
    Array.from({ length: 5 }, () => 'checked'),
  )
})

test('a statement that is cancelled while it waits leaves the line, and makes room in it', async () => {
  const work = new StatementWork({ mostChecks: 1, mostBeginnings: 1, mostWaiting: 1 })
  const over = Promise.withResolvers<string>()
  const first = work.check(new AbortController().signal, () => over.promise)
  const canceled = new AbortController()
  let hasRun = false
  const waiting = work.check(canceled.signal, async () => {
    hasRun = true
  })
  canceled.abort(new Error('query execution canceled'))
  await assert.rejects(waiting, { message: 'query execution canceled' })
  const next = work.check(new AbortController().signal, () => Promise.resolve('next'))
  over.resolve('first')
  assert.deepEqual(await Promise.all([first, next]), ['first', 'next'])
  assert.equal(hasRun, false)
})
