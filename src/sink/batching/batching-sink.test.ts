// The batching with a far end that is not Kafka: an HTTP server that takes a batch of one lane at a time.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { Random } from '../../../test/nemesis/random.ts'
import { batchOf, numbered, resolvedAt } from '../../../test/services/kafka/sink-kit.ts'
import { postedLanes } from '../../../test/support/posted-lanes.ts'
import { PostServer } from '../../../test/support/post-server.ts'
import { standsStill, within } from '../../../test/support/until.ts'
import { sinkSuite } from '../../../test/suites/sink-suite.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { stallMs } from './stall.ts'

const withinMs = 20_000
const keys = 40

/** All of `numbered(0, count)` was taken once, each key in one lane and in order. */
function checkTaken(server: PostServer, count: number): void {
  const next = new Map(Array.from({ length: keys }, (_, key) => [`[${key}]`, key]))
  const laneOfKey = new Map<string, string>()
  for (const [lane, messages] of server.lanes) {
    for (const { key = '', value } of messages) {
      assert.equal(laneOfKey.get(key) ?? lane, lane, `${key} is in two lanes`)
      laneOfKey.set(key, lane)
      assert.equal(String(value), `v${next.get(key)}`)
      next.set(key, (next.get(key) ?? 0) + keys)
    }
  }
  assert.equal(server.count, count)
}

test('messages without keys are spread evenly over the lanes, and arrive without keys', async () => {
  await using server = await PostServer.start()
  await using sink = postedLanes({ urls: [server.url], lanes: 3, limits: { bytes: 1000 } })
  const batch = batchOf(Array.from({ length: 300 }, (_, n) => ['', `value ${n}`]))
  batch.hasKeys = false
  await sink.emit(batch)
  await sink.flush()
  const messages = [...server.lanes.values()].flat()
  assert.equal(new Set(messages.map(({ value }) => String(value))).size, 300)
  for (const { key } of messages) assert.equal(key, undefined)
  assert.deepEqual(
    [...server.lanes.values()].map(({ length }) => length),
    [100, 100, 100],
  )
})

for (const seed of [1, 2, 3]) {
  test(`over failures, lost answers, pauses and splits every message arrives once and in order (seed ${seed})`, async () => {
    const random = new Random(seed)
    await using server = await PostServer.start((size) =>
      size > 1500
        ? 413
        : random.pick<'take' | 'lose' | 'pause' | 503>([
            [10, 'take'],
            [2, 'lose'],
            [1, 'pause'],
            [2, 503],
          ]),
    )
    await using sink = postedLanes({ urls: [server.url], lanes: 7, limits: { bytes: 4000 }, budgetBytes: 20_000 })
    const count = 6000
    for (let from = 0; from < count;) {
      const size = Math.min(1 + random.int(300), count - from)
      await sink.emit(numbered(from, size))
      from += size
      if (!random.chance(0.1)) continue
      await sink.flush()
      assert.equal(server.count, from, 'a flush settles when everything has been taken')
    }
    await sink.flush()
    checkTaken(server, count)
    assert.ok(server.repeats > 0, 'no answer of a batch that was taken was lost')
    assert.ok(server.mostPresent === 2, `${server.mostPresent} requests at the same time`)
  })
}

test('memory is bounded while the far end does not answer, and everything arrives when it does', async () => {
  await using server = await PostServer.start()
  server.break()
  const budgetBytes = 100_000
  await using sink = postedLanes({ urls: [server.url], lanes: 4, limits: { bytes: 10_000 }, budgetBytes })
  const size = 1000
  let emitted = 0
  const emitting = (async () => {
    for (; emitted < 50; emitted++) await sink.emit(numbered(emitted * size, size))
    await sink.flush()
  })()
  const oneBatch = numbered(0, size).bytes.length + 8 * size
  await within(withinMs, 'requests that are held', () => server.requests.length === 2 && emitted >= 5)
  assert.ok((emitted - 1) * oneBatch <= budgetBytes, `${emitted} batches of ${oneBatch} bytes were accepted`)
  server.mend()
  await emitting
  checkTaken(server, 50 * size)
})

test('no more than so many messages wait, however small they are, and those of a split or of another attempt count once', async () => {
  let isFirst = true
  await using server = await PostServer.start((size) => {
    if (size > 1500) return 413
    const answer = isFirst ? 503 : 'take'
    isFirst = false
    return answer
  })
  const limits = { bytes: 4000 }
  await using sink = postedLanes({ urls: [server.url], lanes: 4, limits, budgetMessages: 2000 })
  // Once everything has been taken, there is room for as many as before.
  for (const from of [0, 5000]) {
    if (from > 0) server.break()
    let emitted = 0
    const emitting = (async () => {
      for (; emitted < 10; emitted++) await sink.emit(numbered(from + emitted * 500, 500))
      await sink.flush()
    })()
    if (from > 0) {
      await within(withinMs, 'as many messages as may wait', () => emitted === 4)
      assert.equal(await standsStill(() => emitted), 4)
      server.mend()
    }
    await emitting
  }
  checkTaken(server, 10_000)
})

test('a batch that is too large is halved until it fits; a single message that is too large ends the sink', async () => {
  await using server = await PostServer.start((size) => (size > 500 ? 413 : 'take'))
  await using sink = postedLanes({ urls: [server.url], lanes: 1 })
  await sink.emit(numbered(0, 100))
  await sink.flush()
  checkTaken(server, 100)
  assert.deepEqual(
    server.requests.map(({ count }) => count),
    [100, 50, 25, 25, 50, 25, 25],
  )
  await sink.emit(
    batchOf([
      ['[100]', 'small'],
      ['[101]', 'x'.repeat(600)],
    ]),
  )
  await assert.rejects(sink.flush(), /^FeedError: a message of 613 bytes is too large$/)
})

test('what still fails after the last attempt ends the sink, and every later call throws why', async () => {
  await using server = await PostServer.start(() => 503)
  const warnings: string[] = []
  const retry = { max: 3, backoffMs: 1 }
  await using sink = postedLanes({ urls: [server.url], lanes: 1, retry, warn: (text) => warnings.push(text) })
  await sink.emit(numbered(0, 10))
  const why = /^FeedError: the test server answered 503$/
  await assert.rejects(sink.flush(), why)
  assert.equal(server.requests.length, 4)
  assert.deepEqual(warnings, [
    'the test server answered 503; attempt 2 in 1 ms',
    'the test server answered 503; attempt 3 in 2 ms',
    'the test server answered 503; attempt 4 in 4 ms',
  ])
  assert.ok(sink.failed.aborted)
  await assert.rejects(sink.emit(numbered(10, 1)), why)
  await assert.rejects(sink.emitResolved(resolvedAt(1)), why)
  await assert.rejects(sink.flush(), why)
})

test('a batch that the far end refuses for good is not sent again', async () => {
  await using server = await PostServer.start(() => 401)
  await using sink = postedLanes({ urls: [server.url], lanes: 1 })
  await sink.emit(numbered(0, 10))
  await assert.rejects(sink.flush(), /the test server answered 401/)
  assert.equal(server.requests.length, 1)
})

test('a delivered batch makes up for failures: only those in a row count', async () => {
  let requests = 0
  await using server = await PostServer.start(() => (++requests % 3 === 0 ? 'take' : 503))
  await using sink = postedLanes({ urls: [server.url], lanes: 1, retry: { max: 2, backoffMs: 1 } })
  for (let from = 0; from < 200; from += keys) {
    await sink.emit(numbered(from, keys))
    await sink.flush()
  }
  checkTaken(server, 200)
})

test('a server in trouble does not hold up the lanes of another', async () => {
  let isWell = false
  await using bad = await PostServer.start(() => (isWell ? 'take' : 503))
  await using good = await PostServer.start()
  await using sink = postedLanes({ urls: [bad.url, good.url], lanes: 2 })
  for (let from = 0; from < 10 * keys; from += keys) await sink.emit(numbered(from, keys))
  await within(withinMs, 'the messages of the other server', () => good.count === (10 * keys) / 2)
  assert.equal(bad.count, 0)
  isWell = true
  await sink.flush()
  assert.equal(bad.count, (10 * keys) / 2)
})

test('a far end that asks for a pause gets no request before it is over', async () => {
  await using server = await PostServer.start(() => (server.requests.length === 1 ? 'pause' : 'take'))
  await using sink = postedLanes({ urls: [server.url], lanes: 1 })
  await sink.emit(numbered(0, 1))
  await sink.flush()
  await sink.emit(numbered(1, 1))
  await sink.flush()
  const [first, second] = server.requests.map(({ atMs }) => atMs)
  assert.ok((second ?? 0) - (first ?? 0) >= 25, 'the second request came during the pause')
})

test('messages wait for company up to the flush bounds, but not during a flush', async () => {
  await using server = await PostServer.start()
  await using sink = postedLanes({
    urls: [server.url],
    lanes: 2,
    flush: { messages: 10, bytes: 0, frequencyMs: 3_600_000 },
  })
  const ofKey = (key: string, count: number) => batchOf(Array.from({ length: count }, (_, i) => [key, `v${i}`]))
  await sink.emit(ofKey('[0]', 9))
  await sink.emit(ofKey('[1]', 10))
  await within(withinMs, 'the lane with ten messages', () => server.count === 10)
  assert.deepEqual(
    server.requests.map(({ count }) => count),
    [10],
  )
  await sink.emit(ofKey('[0]', 1))
  await within(withinMs, 'the other lane', () => server.count === 20)
  await sink.emit(ofKey('[0]', 3))
  await sink.flush()
  assert.equal(server.count, 23)
})

test('messages wait for company no longer than the flush frequency', async () => {
  await using server = await PostServer.start()
  await using sink = postedLanes({
    urls: [server.url],
    lanes: 3,
    flush: { messages: 1000, bytes: 0, frequencyMs: 20 },
  })
  await sink.emit(numbered(0, 30))
  await within(withinMs, 'the messages', () => server.count === 30)
  assert.equal(server.requests.length, 3)
})

test('a flush frequency longer than a timer of Node can take lets messages wait, and keeps nothing busy', async () => {
  await using server = await PostServer.start()
  const flush = { messages: 1000, bytes: 0, frequencyMs: 2 ** 31 * 2 }
  await using sink = postedLanes({ urls: [server.url], lanes: 1, flush })
  const warnings: Error[] = []
  const warned = (warning: Error): number => warnings.push(warning)
  process.on('warning', warned)
  await sink.emit(numbered(0, 1))
  await sink.emit(numbered(1, 1))
  assert.equal(server.count, 0)
  await sink.flush()
  process.off('warning', warned)
  assert.equal(server.count, 2)
  // Node warns of a timer that would be due at once.
  assert.deepEqual(warnings, [])
})

test('a resolved message is sent at once, however long other messages may wait', async () => {
  await using server = await PostServer.start()
  const flush = { messages: 1000, bytes: 0, frequencyMs: 3_600_000 }
  await using sink = postedLanes({ urls: [server.url], lanes: 3, flush })
  await sink.emit(numbered(0, 1))
  await sink.emitResolved(resolvedAt(7))
  await within(withinMs, 'the resolved message in each lane, and the message before it', () => server.count === 4)
  for (const messages of server.lanes.values())
    assert.deepEqual(messages.at(-1), { key: undefined, value: Buffer.from('{"resolved":"7.0000000000"}') })
})

test('a signal that aborts ends the sink with its reason, and gives up requests that are not answered', async () => {
  await using server = await PostServer.start()
  server.break()
  const stop = new AbortController()
  await using sink = postedLanes({ urls: [server.url], lanes: 2, signal: stop.signal })
  await sink.emit(numbered(0, keys))
  const flushing = sink.flush()
  await within(withinMs, 'requests that are held', () => server.requests.length === 2)
  stop.abort(new FeedError('FEED_STATE', 'enough'))
  await assert.rejects(flushing, /^FeedError: enough$/)
  await within(withinMs, 'requests that are given up', () => server.aborted === 2)
})

test('a sink that is closed stops trying', async () => {
  await using server = await PostServer.start(() => 503)
  const sink = postedLanes({ urls: [server.url], lanes: 1, retry: { max: 9, backoffMs: 3_600_000 } })
  await sink.emit(numbered(0, 1))
  const flushing = sink.flush()
  await within(withinMs, 'the first attempt', () => server.requests.length === 1)
  await sink[Symbol.asyncDispose]()
  await assert.rejects(flushing, /the sink is closed/)
})

test('a far end that confirms nothing for some seconds is reported by its name', async () => {
  await using server = await PostServer.start()
  server.break()
  await using sink = postedLanes({ urls: [server.url], lanes: 1 })
  assert.equal(sink.stalled(0), undefined)
  await sink.emit(numbered(0, 1))
  assert.deepEqual(sink.stalled(stallMs), {
    why: 'the test server has confirmed nothing since 1970-01-01T00:00:00.000Z',
  })
  server.mend()
  await sink.flush()
  assert.equal(sink.stalled(2 * stallMs), undefined)
})

const servers: PostServer[] = []
const lanesOfTopic = 3
sinkSuite('posted lanes', {
  async destination({ topics, isImpatient = false }) {
    const server = await PostServer.start()
    servers.push(server)
    return {
      async open(signal, meter) {
        // A server that does not answer shows before anything is sent.
        const asked = once(get(server.url, { agent: false, signal }), 'response').catch((error: unknown) => {
          signal.throwIfAborted()
          throw error
        })
        const [answer] = (await asked) as [IncomingMessage]
        answer.resume()
        const impatient = isImpatient ? { requestMs: 100, retry: { max: 1, backoffMs: 1 } } : {}
        return postedLanes({ urls: [server.url], topics, lanes: lanesOfTopic, signal, meter, ...impatient })
      },
      delivered: () =>
        Promise.resolve(
          [...server.lanes].flatMap(([path, messages]) => {
            const [topic = 0, partition = 0] = path.split('/').map(Number)
            return messages.map((message) => ({ topic, partition, ...message }))
          }),
        ),
      break: () => Promise.resolve(server.break()),
      mend: () => Promise.resolve(server.mend()),
      requests: () => server.requests.length,
    }
  },
  async end() {
    for (const server of servers) await server[Symbol.asyncDispose]()
  },
  resolvedMessages: (topics) => topics * lanesOfTopic,
  keepsNilValues: true,
  sendsAtOnce: true,
  trouble: 'reported',
})
