import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from './until.ts'
import { settlesWithin } from './deadline.ts'
import { endTogether, startTogether } from './services.ts'

class Service implements AsyncDisposable {
  isEnded = false
  readonly #failure: string | undefined

  constructor(failure?: string) {
    this.#failure = failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isEnded = true
    if (this.#failure !== undefined) throw new Error(this.#failure)
  }
}

test('a service that starts after another has failed to start is ended', async () => {
  const slow = Promise.withResolvers<Service>()
  const starting = startTogether(Promise.reject(new Error('the port is taken')), slow.promise)
  const service = new Service()
  slow.resolve(service)
  await assert.rejects(starting, /the port is taken/)
  assert.equal(service.isEnded, true)
})

test('services that started are handed over in their order', async () => {
  const [a, b] = [new Service(), new Service()]
  assert.deepEqual(await startTogether(Promise.resolve(a), Promise.resolve(b)), [a, b])
  assert.equal(a.isEnded, false)
})

test('a service that fails to end does not keep the next one, and its failure is reported', async () => {
  const next = new Service()
  await assert.rejects(endTogether(new Service('the folder is not empty'), undefined, next), /the folder is not empty/)
  assert.equal(next.isEnded, true)
})

test('a wait for an answer that never comes fails with what it waited for', async () => {
  const never = new Promise<undefined>(() => undefined)
  await assert.rejects(settlesWithin(10, 'the answer', never), /not within 10 ms: the answer/)
  await assert.rejects(
    until('the table is there', 10, () => never, 20),
    /an answer to whether the table is there/,
  )
})
