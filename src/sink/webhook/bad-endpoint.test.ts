// The webhook sink with endpoints that misbehave.

import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { Random } from '../../../test/nemesis/random.ts'
import { specOf, openHook } from '../../../test/services/webhook/hook-destination.ts'
import { HookServer, messagesOf, type Trouble } from '../../../test/services/webhook/hook-server.ts'
import { within } from '../../../test/support/until.ts'
import { batchOf, fill, resolvedAt, type TestMessage } from '../../../test/suites/sink-kit.ts'
import { feedMeter } from '../../core/feed-meter.ts'
import { MessageBatch } from '../../core/message-batch.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { WebhookSinkSpec } from './spec.ts'

const withinMs = 20_000
const frontier = { wall: 1n, logical: 0 }
const keys = 40

function row(n: number, filler = ''): TestMessage {
  return {
    key: `[${n % keys}]`,
    value: `{"after": {"n": ${n}, "text": "${filler}"}, "key": [${n % keys}], "topic": "t"}`,
  }
}

function rows(from: number, count: number, filler = ''): MessageBatch {
  return fill(
    new MessageBatch(),
    Array.from({ length: count }, (_, i) => row(from + i, filler)),
  )
}

/** The numbers of the rows that were taken, in order. */
function numbers(server: HookServer): number[] {
  server.check()
  return server.taken.flatMap((request) =>
    (messagesOf(request) ?? []).map((text) => (JSON.parse(text) as { after: { n: number } }).after.n),
  )
}

/** All rows from 0 to `count` were taken, those of each key in order; what comes again comes behind. Returns the repeats. */
function checkAll(server: HookServer, count: number): number {
  const next = Array.from({ length: keys }, (_, key) => key)
  const seen = numbers(server)
  for (const n of seen) {
    const wanted = next[n % keys] as number
    assert.ok(n <= wanted, `${n} came, and before it ${wanted} is missing`)
    if (n === wanted) next[n % keys] = n + keys
  }
  assert.equal(new Set(seen).size, count)
  return seen.length - count
}

async function sends(server: HookServer, changed: Partial<WebhookSinkSpec>, count = 10): Promise<string[]> {
  const warnings: string[] = []
  await using sink = await openHook(specOf(server, changed), { warn: (text) => warnings.push(text) })
  await sink.emit(rows(0, count))
  await sink.flush(frontier)
  return warnings
}

for (const seed of [1, 2, 3, 4, 5]) {
  test(`whatever an endpoint does, every row comes, and those of each key in order (seed ${seed})`, async () => {
    const random = new Random(seed)
    const troubles: readonly (readonly [number, Trouble])[] = [
      [30, 'take'],
      [2, 'lose'],
      [2, 'reset'],
      [2, 'cut-answer'],
      [1, 'hang'],
      [2, { status: 500, body: 'no' }],
      [1, { status: 404 }],
      [1, { status: 429, headers: { 'retry-after': '0' } }],
      [1, { status: 503, headers: { 'retry-after': '0' } }],
      [1, { status: 307, headers: { location: '/elsewhere' } }],
    ]
    await using server = await HookServer.start({
      trouble: ({ body }) => {
        if (body.length > 30_000) return { status: 413 }
        return random.pick<Trouble>([...troubles])
      },
    })
    server.cutsRequest = () => random.chance(0.03)
    const retry = { max: Number.POSITIVE_INFINITY, backoffMs: 1 }
    const compression = random.pick<WebhookSinkSpec['compression']>([
      [2, 'none'],
      [1, 'gzip'],
      [1, 'zstd'],
    ])
    const count = 3000
    const meter = feedMeter()
    await using sink = await openHook(specOf(server, { retry, compression, timeoutMs: 300 }), { meter })
    let resolved = 0
    for (let from = 0; from < count;) {
      const size = Math.min(1 + random.int(200), count - from)
      await sink.emit(rows(from, size, 'x'.repeat(random.int(300))))
      from += size
      if (!random.chance(0.2)) continue
      await sink.emitResolved(resolvedAt(BigInt(from)))
      resolved += 1
      assert.equal(new Set(numbers(server)).size, from, 'a resolved message came before rows that it is about')
      assert.match(server.taken.at(-1)?.body ?? '', new RegExp(`"resolved":"${from}"`))
    }
    await sink.flush(frontier)
    checkAll(server, count)
    assert.equal(meter.value('messages'), count)
    assert.ok(resolved > 0)
    assert.ok(server.mostPresent > 1 && server.mostPresent <= 8, `${server.mostPresent} requests at the same time`)
  })
}

test('an endpoint that always fails is asked again as often as Retry.Max says, and the sink fails with its answer', async () => {
  for (const [max, calls] of [
    [3, 4],
    [6, 7],
  ] as const) {
    await using server = await HookServer.start({ trouble: () => ({ status: 500, body: 'out of order' }) })
    await assert.rejects(
      sends(server, { retry: { max, backoffMs: 1 } }),
      (error) =>
        error instanceof FeedError &&
        error.message === `the webhook https://${server.address} answered 500 Internal Server Error: out of order` &&
        error.retry,
    )
    assert.equal(server.requests.length, calls)
    assert.equal(new Set(server.requests.map(({ body }) => body)).size, 1, 'a request that is sent again is the same')
  }
})

test('429 and 503 with Retry-After are no failures: nothing is sent before that time, and then the same again', async () => {
  for (const status of [429, 503]) {
    await using server = await HookServer.start({
      trouble: () => (server.requests.length <= 3 ? { status, headers: { 'retry-after': '1' } } : 'take'),
    })
    const warnings = await sends(server, { retry: { max: 1, backoffMs: 1 } })
    assert.equal(checkAll(server, 10), 0)
    assert.equal(server.requests.length, 4)
    const times = server.requests.map(({ atMs }) => atMs)
    for (let i = 1; i < times.length; i++) assert.ok((times[i] ?? 0) - (times[i - 1] ?? 0) > 980, `${times}`)
    assert.equal(warnings.length, 3)
    assert.match(warnings[0] ?? '', new RegExp(`answered ${status} .*; again in 1000 ms, as it asks`))
  }
})

test('an endpoint that asks for a long pause is reported as one that confirms nothing', async () => {
  await using server = await HookServer.start({ trouble: () => ({ status: 429, headers: { 'retry-after': '3600' } }) })
  await using sink = await openHook(specOf(server))
  assert.equal(sink.stalled?.(0), undefined)
  await sink.emit(rows(0, 10))
  await within(withinMs, 'the report', () => / answered 429 /.test(sink.stalled?.(60_000)?.why ?? ''))
  assert.match(sink.stalled?.(60_000)?.why ?? '', /has confirmed nothing since .*/)
})

test('without Retry-After, 429 is a failure like others', async () => {
  await using server = await HookServer.start({
    trouble: () => (server.requests.length === 1 ? { status: 429 } : 'take'),
  })
  const warnings = await sends(server, { retry: { max: 2, backoffMs: 1 } })
  assert.match(warnings[0] ?? '', /answered 429 Too Many Requests: .*attempt 2 in 1 ms/)
  assert.equal(checkAll(server, 10), 0)
})

test('a request that is too large is sent in parts, and later ones are smaller from the start', async () => {
  await using server = await HookServer.start({
    trouble: ({ body }) => (body.length > 20_000 ? { status: 413 } : 'take'),
  })
  const meter = feedMeter()
  await using sink = await openHook(specOf(server), { meter })
  for (let from = 0; from < 1600; from += 400) {
    await sink.emit(rows(from, 400, 'x'.repeat(100)))
    await sink.flush(frontier)
  }
  checkAll(server, 1600)
  const refused = server.requests.filter(({ body }) => body.length > 20_000).length
  assert.ok(refused > 0 && refused < 10, `${refused} of ${server.requests.length} requests were too large`)
  assert.deepEqual([meter.value('messages'), meter.value('sinkRequests')], [1600, server.requests.length])
  assert.equal(
    meter.value('bytesOut'),
    server.requests.reduce((sum, { body }) => sum + body.length, 0),
  )
})

test('a single message that is too large ends the sink with its size, and without its values', async () => {
  await using server = await HookServer.start({ trouble: () => ({ status: 413, body: 'secret' }) })
  await using sink = await openHook(specOf(server))
  const batch = batchOf({ key: '[1]', value: '{"after": "secret"}' })
  batch.largeTimes.set(0, '1700000000000000001.0000000002')
  await sink.emit(batch)
  await assert.rejects(
    sink.flush(frontier),
    /^FeedError: message too large: .* \(size=19, mvcc=1700000000000000001\.0000000002\)$/,
  )
})

test('a redirect on the same host is followed with the same body; one to another host, or one that changes the method, fails', async () => {
  await using other = await HookServer.start()
  await using server = await HookServer.start()
  const retry = { max: 1, backoffMs: 1 }
  const headers = [{ name: 'authorization', value: 'Bearer hidden' }]
  server.trouble = ({ path }) => (path === '/' ? { status: 308, headers: { location: '/moved?x=1' } } : 'take')
  await sends(server, { retry, headers })
  assert.deepEqual(
    server.taken.map(({ path, headers: { authorization } }) => [path, authorization]),
    [['/moved?x=1', 'Bearer hidden']],
  )
  checkAll(server, 10)
  server.trouble = () => ({ status: 307, headers: { location: `https://${other.address}/` } })
  await assert.rejects(
    sends(server, { retry, headers }),
    /redirects to https:\/\/.*, and redirects to other hosts are not followed$/,
  )
  server.trouble = () => ({ status: 302, headers: { location: '/moved' } })
  await assert.rejects(sends(server, { retry }), /answered 302 Found/)
  server.trouble = () => ({ status: 307, headers: { location: '/again' } })
  await assert.rejects(sends(server, { retry }), /redirects more than 3 times/)
  assert.equal(other.requests.length, 0)
})

test('an endpoint that does not answer in time has failed, whichever part of its answer is missing', async () => {
  await using server = await HookServer.start({ trouble: () => 'hang' })
  const slow = { timeoutMs: 500, retry: { max: 1, backoffMs: 1 } }
  await assert.rejects(sends(server, slow), /: no answer within 500 ms \(webhook_client_timeout\)$/)
  assert.equal(server.requests.length, 2)
})

test('an answer of 200 that is cut in its body has acknowledged the request', async () => {
  await using server = await HookServer.start({ trouble: () => 'cut-answer' })
  assert.deepEqual(await sends(server, {}), [])
  assert.equal(checkAll(server, 10), 0)
})

test('what an endpoint repeats of a request does not come into errors', async () => {
  await using server = await HookServer.start()
  const url = `https://${server.address}/hooks/k3y4you?token=t0ken`
  const headers = [{ name: 'authorization', value: `Basic ${Buffer.from('me:s3cret').toString('base64')}` }]
  server.trouble = ({ body, path, headers: its }) => ({
    status: 400,
    body: `tenant unknown: ${its.authorization} me s3cret ${path} ${body.slice(0, 100)}`,
  })
  await assert.rejects(sends(server, { url, headers, retry: { max: 0, backoffMs: 1 } }), (error: Error) => {
    assert.match(error.message, /answered 400 Bad Request: tenant unknown: /)
    assert.doesNotMatch(error.message, /s3cret|k3y4you|t0ken|after/)
    return true
  })
})

test('opening says what is wrong with the connection, before anything is sent', async () => {
  await using server = await HookServer.start()
  await using strict = await HookServer.start({ needsCertificate: true })
  await using plain = await HookServer.start({ isPlain: true })
  const sockets = new Set<Socket>()
  const silent = createServer((socket) => sockets.add(socket))
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const opens = async (spec: WebhookSinkSpec): Promise<void> => (await openHook(spec))[Symbol.asyncDispose]()
  const tls = { ca: undefined, cert: undefined, key: undefined, verify: true }
  try {
    const https = specOf(server)
    await opens(https)
    await assert.rejects(opens({ ...https, tls }), (error: FeedError) => {
      assert.match(
        error.message,
        /^the webhook https:\/\/127\.0\.0\.1:\d+ cannot be reached: .*(?:certificate|self-signed)/,
      )
      assert.match(error.hint ?? '', /ca_cert/)
      return true
    })
    await opens({ ...https, tls: { ...tls, verify: false } })
    await assert.rejects(opens({ ...https, url: `https://${plain.address}/` }), (error: FeedError) => {
      assert.equal(error.hint, 'the endpoint does not speak TLS on this port')
      return true
    })
    await assert.rejects(opens({ ...https, url: `https://127.0.0.1:${port}/`, timeoutMs: 200 }), /cannot be reached/)
    await assert.rejects(opens({ ...https, url: 'https://127.0.0.1:1/' }), /cannot be reached: .*ECONNREFUSED/)
    await assert.rejects(opens({ ...https, url: 'https://no-such-host.invalid/' }), /cannot be reached/)
    assert.ok(strict.requests.length + server.requests.length + plain.requests.length === 0)
  } finally {
    silent.close()
    for (const socket of sockets) socket.destroy()
  }
})

test('a slow endpoint holds its own sink up and no other', async () => {
  await using slow = await HookServer.start()
  await using quick = await HookServer.start()
  slow.break()
  await using held = await openHook(specOf(slow))
  await using free = await openHook(specOf(quick))
  await held.emit(rows(0, 100))
  const waiting = held.flush(frontier)
  for (let from = 0; from < 1000; from += 100) {
    await free.emit(rows(from, 100))
    await free.flush(frontier)
  }
  checkAll(quick, 1000)
  await within(withinMs, 'the requests that are held', () => slow.present > 0)
  slow.mend()
  await waiting
  checkAll(slow, 100)
})
