import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { onAbort, orAbort } from './or-abort.ts'

test('work that is over first gives its result, and leaves no listener on the signal', async () => {
  const { signal } = new AbortController()
  assert.equal(await orAbort(Promise.resolve(1), signal), 1)
  await assert.rejects(orAbort(Promise.reject(new Error('no')), signal), /no/)
  assert.equal(await orAbort(Promise.resolve(2), undefined), 2)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('a signal that aborts ends the wait with its reason, also one that has aborted before', async () => {
  const controller = new AbortController()
  const waiting = orAbort(new Promise<void>(() => undefined), controller.signal)
  controller.abort(new Error('gone'))
  await assert.rejects(waiting, /gone/)
  await assert.rejects(orAbort(new Promise<void>(() => undefined), controller.signal), /gone/)
})

test('what is done at an abort is done once, and not after it was disposed', () => {
  const controller = new AbortController()
  const done: string[] = []
  {
    using _disposed = onAbort(controller.signal, () => done.push('disposed'))
  }
  using _kept = onAbort(controller.signal, () => done.push('kept'))
  controller.abort()
  using _late = onAbort(controller.signal, () => done.push('late'))
  assert.deepEqual(done, ['kept', 'late'])
})
