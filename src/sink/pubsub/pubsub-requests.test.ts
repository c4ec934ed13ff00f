// The requests of the Pub/Sub sink: which messages share one, and what they have beside their bytes.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { keys, numbers, row, rows } from '../../../test/services/pubsub/numbered-rows.ts'
import { openAt, readMessage, specOf, topicOf } from '../../../test/services/pubsub/pubsub-destination.ts'
import { PubsubFront } from '../../../test/services/pubsub/pubsub-front.ts'
import { skipWithoutGo } from '../../../test/services/go-program.ts'
import { PubsubServer } from '../../../test/services/pubsub/pubsub-server.ts'
import { within } from '../../../test/support/until.ts'
import { batchOf, resolvedAt } from '../../../test/suites/sink-kit.ts'

const withinMs = 20_000
const skip = skipWithoutGo
const frontier = { wall: 1n, logical: 0 }

let server: PubsubServer
before(async () => {
  if (skip === false) server = await PubsubServer.start()
})
after(async () => {
  if (skip === false) await server[Symbol.asyncDispose]()
})

test('each row has one ordering key, which many rows share; without order there is none', { skip }, async () => {
  await using front = await PubsubFront.start({ server })
  for (const isOrdered of [true, false]) {
    const spec = specOf({ isOrdered })
    await using sink = await openAt(front, spec)
    for (let from = 0; from < 400; from += 100) await sink.emit(rows(from, 100))
    await sink.flush(frontier)
    const keysOf = new Map<string, Set<string>>()
    for (const message of await front.published(spec.project)) {
      const { key = '' } = readMessage(message)
      keysOf.set(key, (keysOf.get(key) ?? new Set()).add(message.orderingKey))
    }
    assert.equal(keysOf.size, keys)
    const all = [...keysOf.values()].flatMap((own) => {
      assert.equal(own.size, 1)
      return [...own]
    })
    const distinct = new Set(all)
    assert.ok(isOrdered ? distinct.size > 10 && distinct.size < keys : distinct.size === 1 && distinct.has(''))
  }
  assert.ok(front.mostPresent > 1 && front.mostPresent <= 64, `${front.mostPresent} requests at the same time`)
  front.check()
})

test('tables may share a topic, and messages then have the name of their table as an attribute', { skip }, async () => {
  await using front = await PubsubFront.start({ server })
  const spec = specOf({ topics: ['all', 'all'], tableNames: ['one', 'two'] })
  await using sink = await openAt(front, spec)
  await sink.emit(batchOf({ topic: 0, key: '[1]', value: '{"after": 1}' }, { topic: 1, key: '[1]', value: '2' }))
  await sink.emitResolved(resolvedAt(5n))
  const published = await front.published(spec.project)
  assert.deepEqual(published.map((message) => [topicOf(message), message.data.toString(), message.attributes]).sort(), [
    ['all', '{"Key":[1],"Value":2,"Topic":"all"}', { TABLE_NAME: 'two' }],
    ['all', '{"Key":[1],"Value":{"after": 1},"Topic":"all"}', { TABLE_NAME: 'one' }],
    ['all', '{"resolved":"5","topic":0}', {}],
  ])
})

test(
  'without a configuration messages are sent at once, and while Pub/Sub is busy more share a request',
  { skip },
  async () => {
    await using front = await PubsubFront.start({ server })
    const spec = specOf()
    await using sink = await openAt(front, spec)
    await sink.emit(batchOf(row(0)))
    await within(withinMs, 'the first message', async () => (await front.published(spec.project)).length === 1)
    front.break()
    await sink.emit(batchOf(row(40)))
    await within(withinMs, 'the second request', () => front.publishes.length === 2)
    for (let n = 2; n < 52; n++) await sink.emit(batchOf(row(n * 40)))
    front.mend()
    await sink.flush(frontier)
    assert.deepEqual(
      front.publishes.map(({ messages }) => messages),
      [1, 1, 50],
    )
  },
)

test(
  'messages wait for Flush.Messages and Flush.Frequency, and no request has more than it may',
  { skip },
  async () => {
    await using front = await PubsubFront.start({ server })
    const spec = specOf({ flush: { messages: 10, bytes: 0, frequencyMs: 3_600_000 } })
    await using sink = await openAt(front, spec)
    const own = Array.from({ length: 25 }, (_, n) => row(n * keys))
    for (const one of own.slice(0, 9)) await sink.emit(batchOf(one))
    assert.equal(front.publishes.length, 0)
    await sink.emit(batchOf(...own.slice(9)))
    await within(withinMs, 'two full requests', async () => (await numbers(front, spec)).length === 20)
    await sink.flush(frontier)
    assert.deepEqual(
      front.publishes.map(({ messages }) => messages),
      [10, 10, 5],
    )
    const other = specOf({ flush: { messages: 0, bytes: 0, frequencyMs: 0, maxBytes: 2000 } })
    await using small = await openAt(front, other)
    const before = front.publishes.length
    await small.emit(rows(0, 400, 'x'.repeat(100)))
    await small.emit(batchOf(row(0, 'x'.repeat(5000))))
    await small.flush(frontier)
    const alone = front.publishes.slice(before).filter(({ bytes }) => bytes > 2100)
    assert.deepEqual(
      alone.map(({ messages }) => messages),
      [1],
    )
    // Whatever the configuration says, Pub/Sub takes no more.
    const most = { messages: 5000, bytes: 0, frequencyMs: 3_600_000, maxMessages: 5000, maxBytes: 50_000_000 }
    await using large = await openAt(front, specOf({ flush: most }))
    const from = front.publishes.length
    for (let n = 0; n < 25; n++) {
      const some = Array.from({ length: 100 }, (_, i) => row((n * 100 + i) * keys, 'x'.repeat(10_000)))
      await large.emit(batchOf(...some))
    }
    await large.flush(frontier)
    const requests = front.publishes.slice(from)
    assert.equal(
      requests.reduce((sum, { messages }) => sum + messages, 0),
      2500,
    )
    assert.ok(requests.every(({ messages, bytes }) => messages <= 1000 && bytes < 10_000_000))
    front.check()
  },
)
