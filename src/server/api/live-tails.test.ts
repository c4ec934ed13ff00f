// How many live tails there may be, and that they end with their session.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { LiveTails, type TailSession } from './live-tails.ts'

const session = (role: string, more: Partial<TailSession> = {}): TailSession => ({
  role,
  isShared: false,
  ended: undefined,
  confirm: () => Promise.resolve(true),
  ...more,
})

/** A tail that runs until its signal aborts. */
const untilAborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort')
  signal.throwIfAborted()
}

test('one role has at most five, all together twenty, and what has ended makes room', async () => {
  const tails = new LiveTails()
  const over = Promise.withResolvers<void>()
  const runs = Array.from({ length: 5 }, () => tails.run(session('ann'), () => over.promise))
  await assert.rejects(
    tails.run(session('ann'), () => over.promise),
    { message: 'role ann has 5 live tails already', sqlstate: '53400', hint: 'close one of them' },
  )
  for (const role of ['bob', 'eve', 'root'])
    runs.push(...Array.from({ length: 5 }, () => tails.run(session(role), () => over.promise)))
  await assert.rejects(
    tails.run(session('joe'), () => over.promise),
    { message: '20 live tails run already' },
  )
  over.resolve()
  await Promise.all(runs)
  await tails.run(session('ann'), () => Promise.resolve())
})

test('where everybody is the same role, this role has the places of all', async () => {
  const tails = new LiveTails()
  const over = Promise.withResolvers<void>()
  const root = session('root', { isShared: true })
  const runs = Array.from({ length: 20 }, () => tails.run(root, () => over.promise))
  await assert.rejects(tails.run(root, () => over.promise))
  over.resolve()
  await Promise.all(runs)
})

test('a tail ends when its session does, and says why', async () => {
  const ended = new AbortController()
  const run = new LiveTails().run(session('ann', { ended: ended.signal }), untilAborted)
  ended.abort()
  await assert.rejects(run, { message: 'the session of this live tail has ended', hint: 'log in again' })
  await assert.rejects(new LiveTails().run(session('ann', { ended: ended.signal }), untilAborted), {
    message: 'the session of this live tail has ended',
  })
})

test('a tail ends when its session is refused later, and not because nobody could be asked', async () => {
  const answers = [Promise.resolve(true), Promise.reject(new Error('PostgreSQL is away')), Promise.resolve(false)]
  for (const answer of answers) answer.catch(() => undefined)
  let asked = 0
  const confirm = (): Promise<boolean> => answers[asked++] ?? Promise.resolve(false)
  await assert.rejects(new LiveTails(1).run(session('ann', { confirm }), untilAborted), {
    message: 'the session of this live tail has ended',
  })
  assert.equal(asked, 3)
})
