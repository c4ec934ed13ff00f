// The Pub/Sub sink with a Pub/Sub that misbehaves.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { status } from '@grpc/grpc-js'
import { after, before, test } from 'node:test'
import { Random } from '../../../test/nemesis/random.ts'
import { answers, checkAll, numbers, row, rows } from '../../../test/services/pubsub/numbered-rows.ts'
import { openAt, specOf } from '../../../test/services/pubsub/pubsub-destination.ts'
import { PubsubFront, type Trouble } from '../../../test/services/pubsub/pubsub-front.ts'
import { skipWithoutGo } from '../../../test/services/go-program.ts'
import { PubsubServer } from '../../../test/services/pubsub/pubsub-server.ts'
import { CutGate } from '../../../test/support/cut-gate.ts'
import { within } from '../../../test/support/until.ts'
import { batchOf, resolvedAt } from '../../../test/suites/sink-kit.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { dial } from './open.ts'

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
