// The Pub/Sub sink with a Pub/Sub that misbehaves, and its requests.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { status } from '@grpc/grpc-js'
import { after, before, test } from 'node:test'
import { Random } from '../../../test/nemesis/random.ts'
import { openAt, readMessage, specOf, topicOf } from '../../../test/services/pubsub/pubsub-destination.ts'
import { PubsubFront, type Trouble } from '../../../test/services/pubsub/pubsub-front.ts'
import { skipWithoutGo } from '../../../test/services/go-program.ts'
import { PubsubServer } from '../../../test/services/pubsub/pubsub-server.ts'
import { CutGate } from '../../../test/support/cut-gate.ts'
import { within } from '../../../test/support/until.ts'
import { batchOf, fill, resolvedAt, type TestMessage } from '../../../test/suites/sink-kit.ts'
import { MessageBatch } from '../../core/message-batch.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { dial } from './open.ts'
import type { PubsubSinkSpec } from './spec.ts'

const withinMs = 20_000
const skip = skipWithoutGo
const frontier = { wall: 1n, logical: 0 }
const keys = 40

let server: PubsubServer
before(async () => {
  if (skip === false) server = await PubsubServer.start()
})
after(async () => {
  if (skip === false) await server[Symbol.asyncDispose]()
})

function row(n: number, filler = ''): TestMessage {
  return { key: `[${n % keys}]`, value: `{"after": {"n": ${n}, "text": "${filler}"}}` }
}

function rows(from: number, count: number, filler = ''): MessageBatch {
  return fill(
    new MessageBatch(),
    Array.from({ length: count }, (_, i) => row(from + i, filler)),
  )
}

/** The numbers of the rows that were published, in order. */
async function numbers(front: PubsubFront, { project }: Pick<PubsubSinkSpec, 'project'>): Promise<number[]> {
  front.check()
  const published = await front.published(project)
  return published
    .map(readMessage)
    .filter(({ key }) => key !== undefined)
    .map(({ value }) => (JSON.parse(value.toString()) as { after: { n: number } }).after.n)
}

/** All rows from 0 to `count` were published, those of each key in order; what comes again comes behind. */
async function checkAll(front: PubsubFront, spec: PubsubSinkSpec, count: number): Promise<void> {
  const next = Array.from({ length: keys }, (_, key) => key)
  const seen = await numbers(front, spec)
  for (const n of seen) {
    const wanted = next[n % keys] as number
    assert.ok(n <= wanted, `${n} came, and before it ${wanted} is missing`)
    if (n === wanted) next[n % keys] = n + keys
  }
  assert.equal(new Set(seen).size, count)
}

const answers = (code: status, details = 'no'): Trouble => ({ code, details })

for (const seed of [1, 2, 3, 4, 5]) {
  test(`whatever Pub/Sub does, every row comes, and those of each key in order (seed ${seed})`, { skip }, async () => {
    const random = new Random(seed)
    const troubles: readonly (readonly [number, Trouble])[] = [
      [30, 'take'],
      [3, 'lose'],
      [1, 'hang'],
      [1, answers(status.UNAVAILABLE)],
      [1, answers(status.INTERNAL)],
      [1, answers(status.DEADLINE_EXCEEDED)],
      [1, answers(status.UNAUTHENTICATED)],
      [1, answers(status.ABORTED)],
    ]
    await using front = await PubsubFront.start({ server })
    front.trouble = ({ method, messages, bytes }) => {
      if (method !== 'Publish') return 'take'
      if (bytes > 30_000 && messages > 1)
        return answers(status.INVALID_ARGUMENT, 'The request size exceeds the limit: 30000 bytes')
      return random.pick<Trouble>([...troubles])
    }
    await using gate = await CutGate.open(front.port)
    const isOrdered = random.chance(0.7)
    const spec = specOf({
      isOrdered,
      ...(isOrdered ? {} : { region: undefined }),
      retry: { max: Number.POSITIVE_INFINITY, backoffMs: 1 },
    })
    await using sink = await openAt({ port: gate.port }, spec, { timeoutMs: 300 })
    const count = 3000
    let resolved = 0
    for (let from = 0; from < count;) {
      const size = Math.min(1 + random.int(200), count - from)
      await sink.emit(rows(from, size, 'x'.repeat(random.int(300))))
      from += size
      if (random.chance(0.1)) gate.cutAll()
      if (!random.chance(0.2)) continue
      await sink.emitResolved(resolvedAt(BigInt(from)))
      resolved += 1
      assert.equal(new Set(await numbers(front, spec)).size, from, 'a resolved message came before rows it is about')
      const last = (await front.published(spec.project)).at(-1)
      assert.match(last?.data.toString() ?? '', new RegExp(`^{"resolved":"${from}"`))
      assert.equal(last?.orderingKey, '')
    }
    await sink.flush(frontier)
    await checkAll(front, spec, count)
    assert.ok(resolved > 0)
    assert.ok(front.mostPresent > 1)
  })
}

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

test(
  'a topic that does not exist is created, also when it disappears later, and the log says so',
  { skip },
  async () => {
    await using front = await PubsubFront.start({ server })
    const spec = specOf({ topics: ['a', 'b', 'a'] })
    const said: string[] = []
    await using sink = await openAt(front, spec, { log: (_level, text) => said.push(text) })
    const created = (): string[] =>
      front.requests.filter(({ method }) => method === 'CreateTopic').map(({ topic }) => topic.slice(-1))
    assert.deepEqual(created().sort(), ['a', 'b'])
    assert.match(said.join('\n'), /the topic projects\/.*\/topics\/a did not exist and was created/)
    let isMissing = true
    front.trouble = ({ method }) => {
      if (method === 'CreateTopic') isMissing = false
      return method === 'Publish' && isMissing ? answers(status.NOT_FOUND, 'Resource not found') : 'take'
    }
    await sink.emit(rows(0, 100))
    await sink.flush(frontier)
    await checkAll(front, spec, 100)
    assert.equal(created().length, 3, 'lanes that miss it at the same time create it once')
    assert.equal(said.length, 2, 'it was there already, so that nothing was created')
    for (let n = 1; n < 4; n++) {
      await front.deleteTopic(`projects/${spec.project}/topics/a`)
      await sink.emit(rows(n * 100, 100))
      await sink.flush(frontier)
      await checkAll(front, spec, n * 100 + 100)
    }
    assert.equal(created().length, 6)
    await front.deleteTopic(`projects/${spec.project}/topics/b`)
    await sink.emitResolved(resolvedAt(7n))
    const published = await front.published(spec.project)
    assert.deepEqual(published.slice(-2).map(topicOf).sort(), ['a', 'b'])
  },
)

test(
  'an account that may only publish needs topics that exist, and one that may not is told which role it needs',
  { skip },
  async () => {
    await using front = await PubsubFront.start({ server })
    const spec = specOf()
    const denied = answers(status.PERMISSION_DENIED, 'User not authorized to perform this action.')
    front.trouble = ({ method }) => (method === 'GetTopic' || method === 'CreateTopic' ? denied : 'take')
    await (await openAt(front, spec))[Symbol.asyncDispose]()
    front.permissions = []
    await assert.rejects(openAt(front, spec), (error: FeedError) => {
      assert.match(
        error.message,
        /the topic projects\/.*\/topics\/t0 is not there, or not for this account: .*PERMISSION_DENIED/,
      )
      assert.match(error.hint ?? '', /Pub\/Sub Publisher/)
      assert.equal(error.retry, true)
      return true
    })
    front.trouble = ({ method }) => {
      if (method === 'GetTopic') return answers(status.NOT_FOUND)
      return method === 'CreateTopic' ? denied : 'take'
    }
    await assert.rejects(openAt(front, spec), /is not there, or not for this account/)
    front.trouble = () => answers(status.INVALID_ARGUMENT, 'You have passed an invalid argument to the service')
    await assert.rejects(openAt(front, specOf({ topics: ['☃'] })), (error: FeedError) => {
      assert.match(error.message, /^Pub\/Sub \(project project-\d+\) answered INVALID_ARGUMENT: You have/)
      assert.match(error.hint ?? '', /topic_name/)
      return true
    })
  },
)

test(
  'Pub/Sub that always fails is asked again as often as Retry.Max says, and the sink fails with its answer',
  { skip },
  async () => {
    await using front = await PubsubFront.start({ server })
    front.trouble = ({ method }) => (method === 'Publish' ? answers(status.INTERNAL, 'out of order') : 'take')
    const spec = specOf({ retry: { max: 3, backoffMs: 1 } })
    await using sink = await openAt(front, spec)
    await sink.emit(batchOf(row(1)))
    await assert.rejects(
      sink.flush(frontier),
      (error: FeedError) => error.message.endsWith('answered INTERNAL: out of order') && error.retry,
    )
    assert.equal(front.publishes.length, 4)
  },
)

test('a quota that is used up is no failure: the same messages are sent again after a pause', { skip }, async () => {
  await using front = await PubsubFront.start({ server })
  front.trouble = ({ method }) =>
    method === 'Publish' && front.publishes.length <= 3
      ? answers(status.RESOURCE_EXHAUSTED, 'Quota exceeded for quota metric regional publisher throughput')
      : 'take'
  const spec = specOf({ retry: { max: 1, backoffMs: 1 } })
  const said: string[] = []
  await using sink = await openAt(front, spec, { log: (_level, text) => said.push(text) })
  await sink.emit(batchOf(row(0)))
  await sink.flush(frontier)
  assert.equal(front.publishes.length, 4)
  assert.match(said.at(-1) ?? '', /RESOURCE_EXHAUSTED.*; again in 1000 ms, as it asks/)
})

test('a quota that many requests have used up together is logged once for each pause', { skip }, async () => {
  await using front = await PubsubFront.start({ server })
  let isUsedUp = true
  front.trouble = ({ method }) =>
    isUsedUp && method === 'Publish' ? answers(status.RESOURCE_EXHAUSTED, 'Quota exceeded') : 'take'
  const spec = specOf()
  const said: string[] = []
  await using sink = await openAt(front, spec, { log: (_level, text) => said.push(text) })
  // The first line is about the topic.
  said.length = 0
  await sink.emit(rows(0, 400))
  await within(withinMs, 'the second round of requests', () => said.length > 1)
  assert.ok(front.publishes.length > 20, `${front.publishes.length} requests`)
  assert.ok(said.length <= 3, said.join('\n'))
  isUsedUp = false
  await sink.flush(frontier)
  await checkAll(front, spec, 400)
})

test('a message that is too large is named by its size and its time, without its key and value', { skip }, async () => {
  await using front = await PubsubFront.start({ server })
  const batch = batchOf({ key: '["secret"]', value: 'secret'.padEnd(11_000_000, '.') })
  batch.largeTimes.set(0, '1700000000000000001.0000000002')
  await using sink = await openAt(front, specOf())
  const sending = (async () => {
    await sink.emit(batch)
    await sink.flush(frontier)
  })()
  await assert.rejects(sending, (error: FeedError) => {
    assert.match(error.message, /^message too large: Pub\/Sub .*\(size=110\d+, mvcc=1700000000000000001\.0000000002\)$/)
    assert.doesNotMatch(`${error.message} ${error.hint}`, /secret/)
    return true
  })
})

test('a token that has expired is fetched again, and rows that were refused for it arrive', { skip }, async () => {
  await using front = await PubsubFront.start({ server, token: 'one' })
  let held = 'one'
  let forgotten = 0
  const tokens = {
    headers: () => Promise.resolve(new Headers({ authorization: `Bearer ${held}` })),
    forget: () => {
      held = front.token ?? ''
      forgotten += 1
    },
  }
  const spec = specOf()
  await using sink = await openAt(front, spec, { tokens })
  await sink.emit(rows(0, 100))
  await sink.flush(frontier)
  front.token = 'two'
  await sink.emit(rows(100, 100))
  await sink.flush(frontier)
  await checkAll(front, spec, 200)
  assert.equal(forgotten, 1, 'the requests that are refused together fetch one token')
})

test('an endpoint that is not there is an error of the dial', async () => {
  process.env['PUBSUB_EMULATOR_HOST'] = '127.0.0.1:1'
  try {
    await assert.rejects(
      dial(specOf(), { resolved: false, signal: new AbortController().signal }),
      /^FeedError: Pub\/Sub \(project project-\d+\) answered UNAVAILABLE: no connection was established: connect ECONNREFUSED 127\.0\.0\.1:1$/,
    )
    const server = createHttpServer((_request, response) => response.end('<html></html>')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    process.env['PUBSUB_EMULATOR_HOST'] = `127.0.0.1:${(server.address() as AddressInfo).port}`
    await assert.rejects(
      dial(specOf(), { resolved: false, signal: new AbortController().signal }),
      (error: FeedError) => {
        assert.match(error.message, / answered UNAVAILABLE: no connection was established: Protocol error$/)
        assert.match(error.hint ?? '', /^what answers there does not speak gRPC/)
        return true
      },
    )
    server.closeAllConnections()
    server.close()
  } finally {
    delete process.env['PUBSUB_EMULATOR_HOST']
  }
})
