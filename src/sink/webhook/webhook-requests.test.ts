// The requests of a webhook: how messages are batched, the headers, compression, CSV, certificates.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { openHook, specOf } from '../../../test/services/webhook/hook-destination.ts'
import { HookServer } from '../../../test/services/webhook/hook-server.ts'
import { certificateOf } from '../../../test/support/servers/certificates.ts'
import { within } from '../../../test/support/until.ts'
import { batchOf, resolvedAt, type TestMessage } from '../../../test/suites/sink-kit.ts'
import type { FeedError } from '../../errors/feed-error.ts'

const withinMs = 20_000
const hourMs = 3_600_000
const frontier = { wall: 1n, logical: 0 }

/** Of one key unless `key` says another. */
function row(rowid: number, key = 1001): TestMessage {
  return { key: `[${key}]`, value: `{"after":{"col1":"val1","rowid":${rowid}},"key":[${key}],"topic:":"foo"}` }
}

function payload(...messages: readonly TestMessage[]): string {
  return `{"payload":[${messages.map(({ value }) => value).join(',')}],"length":${messages.length}}`
}

const bodies = (server: HookServer): readonly string[] => server.taken.map(({ body }) => body)

test('without a configuration, messages are sent at once to an endpoint that is idle, each version of a row in its own request', async () => {
  await using server = await HookServer.start()
  await using sink = await openHook(specOf(server))
  await sink.emit(batchOf(row(1000)))
  await sink.emit(batchOf(row(1002)))
  await sink.flush(frontier)
  await sink.emit(batchOf({ key: '[1002]', value: '{"after":null,"key":[1002],"topic:":"foo"}' }))
  await sink.emitResolved({ at: { wall: 2n, logical: 0 }, payload: () => Buffer.from('{"resolved":"2.0000000000"}') })
  assert.deepEqual(bodies(server), [
    payload(row(1000)),
    payload(row(1002)),
    '{"payload":[{"after":null,"key":[1002],"topic:":"foo"}],"length":1}',
    '{"resolved":"2.0000000000"}',
  ])
  const [first] = server.taken
  assert.equal(first?.headers['content-type'], 'application/json')
  assert.equal(first?.headers['content-length'], String(first?.bytes))
  assert.equal(first?.headers['content-encoding'], undefined)
})

test('the rows of a transaction share a request with an idle endpoint; while it is busy, more messages share one', async () => {
  await using server = await HookServer.start()
  await using sink = await openHook(specOf(server))
  const some = Array.from({ length: 50 }, (_, key) => row(1, key))
  await sink.emit(batchOf(...some))
  await within(withinMs, 'the first request', () => server.taken.length === 1)
  server.break()
  await sink.emit(batchOf(...some))
  await within(withinMs, 'the second request', () => server.requests.length === 2)
  for (let n = 2; n < 6; n++) await sink.emit(batchOf(...some))
  server.mend()
  await sink.flush(frontier)
  assert.ok(server.requests.length < 6, `${server.requests.length} requests`)
  assert.ok(server.taken.some(({ body }) => body.endsWith('"length":200}')))
})

test('messages wait for Flush.Bytes, and a flush does not', async () => {
  await using server = await HookServer.start()
  await using sink = await openHook(specOf(server, { flush: { messages: 0, bytes: 330, frequencyMs: hourMs } }))
  const rows = [1000, 1001, 1002, 1003, 1004].map((rowid) => row(rowid))
  for (const one of rows.slice(0, 4)) await sink.emit(batchOf(one))
  await sink.emit(batchOf(rows[4] as TestMessage))
  await within(withinMs, 'the request', () => server.taken.length === 1)
  assert.deepEqual(bodies(server), [payload(...rows)])
  await sink.emit(batchOf(row(1)))
  await sink.flush(frontier)
  assert.deepEqual(bodies(server).slice(1), [payload(row(1))])
})

test('Flush.Messages counts the messages of all rows, and no request has more', async () => {
  await using server = await HookServer.start()
  await using sink = await openHook(specOf(server, { flush: { messages: 10, bytes: 0, frequencyMs: hourMs } }))
  for (let key = 0; key < 9; key++) await sink.emit(batchOf(row(1, key)))
  await sink.emit(batchOf(row(1, 9)))
  await within(withinMs, 'a request with ten messages', () => server.taken.length === 1)
  assert.match(bodies(server)[0] ?? '', /"length":10}$/)
  await sink.emit(batchOf(...Array.from({ length: 95 }, (_, i) => row(i, i))))
  await sink.flush(frontier)
  const lengths = bodies(server).map((body) => Number(/"length":(\d+)}$/.exec(body)?.[1]))
  assert.equal(
    lengths.reduce((sum, length) => sum + length, 0),
    105,
  )
  assert.ok(Math.max(...lengths) <= 10, lengths.join())
})

test('messages wait no longer than Flush.Frequency, and a resolved message does not wait', async () => {
  await using server = await HookServer.start()
  const flush = { messages: 1000, bytes: 0, frequencyMs: 300 }
  await using sink = await openHook(specOf(server, { flush }))
  const startMs = performance.now()
  await sink.emit(batchOf(row(1, 1)))
  await sink.emit(batchOf(row(2, 2)))
  await within(withinMs, 'the request', () => server.taken.length === 1)
  assert.ok((server.taken[0]?.atMs ?? 0) - startMs >= 295)
  assert.match(bodies(server)[0] ?? '', /"length":2}$/)
  await sink.emit(batchOf(row(3)))
  await sink.emitResolved(resolvedAt(5n))
  assert.deepEqual(bodies(server).slice(1), [payload(row(3)), '{"resolved":"5","topic":0}'])
})

test('a request has at most Flush.MaxBytes, and a larger message goes alone', async () => {
  await using server = await HookServer.start()
  const maxBytes = 2000
  await using sink = await openHook(specOf(server, { flush: { messages: 0, bytes: 0, frequencyMs: 0, maxBytes } }))
  const rows = Array.from({ length: 500 }, (_, i) => row(i, i % 100))
  await sink.emit(batchOf(...rows))
  const large = { key: '[1]', value: JSON.stringify({ after: 'x'.repeat(5000), key: [1], topic: 'foo' }) }
  await sink.emit(batchOf(large))
  await sink.flush(frontier)
  const alone = server.taken.filter(({ bytes }) => bytes > maxBytes)
  assert.deepEqual(
    alone.map(({ body }) => body),
    [payload(large)],
  )
  assert.ok(server.taken.length < 100, `${server.taken.length} requests`)
})

test('MaxMessages 1 gives each message a request of its own', async () => {
  await using server = await HookServer.start()
  await using sink = await openHook(
    specOf(server, { flush: { messages: 0, bytes: 0, frequencyMs: 0, maxMessages: 1 } }),
  )
  await sink.emit(batchOf(...Array.from({ length: 20 }, (_, i) => row(i, i % 5))))
  await sink.flush(frontier)
  assert.equal(server.taken.length, 20)
  server.check()
})

test('connections are kept and used again', async () => {
  await using server = await HookServer.start()
  await using sink = await openHook(specOf(server))
  for (let n = 0; n < 30; n++) {
    await sink.emit(batchOf(row(n)))
    await sink.flush(frontier)
  }
  assert.equal(server.taken.length, 30)
  // One tries the endpoint, and one is used for all requests.
  assert.ok(server.connections <= 3, `${server.connections} connections`)
})

test('bodies are compressed with gzip and zstd, and say so', async () => {
  for (const compression of ['gzip', 'zstd'] as const) {
    await using server = await HookServer.start()
    await using sink = await openHook(specOf(server, { compression }))
    const rows = Array.from({ length: 100 }, (_, i) => row(i, 1))
    await sink.emit(batchOf(...rows))
    await sink.flush(frontier)
    assert.deepEqual(bodies(server), [payload(...rows)])
    const [{ headers, bytes, body }] = server.taken as [(typeof server.taken)[number]]
    assert.deepEqual([headers['content-encoding'], headers['accept-encoding']], [compression, compression])
    assert.ok(bytes < body.length / 5)
  }
})

test('a request in CSV has the lines of one table, and with csv_header the names of the columns first', async () => {
  const header = (schema: number): Buffer => Buffer.from(`columns,of_${schema}`)
  for (const csvHeader of [undefined, true] as const) {
    await using server = await HookServer.start()
    const spec = specOf(server, { format: 'csv', ...(csvHeader === undefined ? {} : { csvHeader }) })
    await using sink = await openHook(spec, { topics: ['t0', 't1'], header })
    const batch = batchOf(
      ...Array.from({ length: 200 }, (_, i): TestMessage => ({
        topic: i % 2,
        key: '',
        value: `${i},of t${i % 2}`,
        schema: 7 + (i % 2),
      })),
    )
    batch.hasKeys = false
    await sink.emit(batch)
    await sink.flush(frontier)
    const lines = server.taken.map(({ body, headers }) => {
      assert.equal(headers['content-type'], 'text/csv')
      return body.split('\n')
    })
    for (const request of lines) {
      const table = request.at(-1)?.slice(-1)
      const first = csvHeader === true ? request.shift() : undefined
      assert.equal(first, csvHeader === true ? `columns,of_${7 + Number(table)}` : undefined)
      for (const line of request) assert.match(line, new RegExp(`^\\d+,of t${table}$`))
    }
    assert.equal(lines.flat().length, 200)
    assert.ok(lines.length <= 20, `${lines.length} requests`)
  }
})

test('a request in CSV has no lines with other columns than its first line says', async () => {
  await using server = await HookServer.start()
  const spec = specOf(server, { format: 'csv', csvHeader: true })
  await using sink = await openHook(spec, { header: (schema) => Buffer.from(`schema ${schema}`) })
  const batch = batchOf(
    ...Array.from({ length: 100 }, (_, i): TestMessage => ({ key: '', value: `of ${i % 3}`, schema: i % 3 })),
  )
  batch.hasKeys = false
  await sink.emit(batch)
  await sink.flush(frontier)
  let count = 0
  for (const body of bodies(server)) {
    const [first = '', ...lines] = body.split('\n')
    for (const line of lines) assert.equal(`schema ${line.slice(3)}`, first)
    count += lines.length
  }
  assert.equal(count, 100)
})

test('an endpoint that asks for a certificate gets it, and one that is not shown it refuses', async () => {
  await using server = await HookServer.start({ needsCertificate: true })
  const { cert, key } = certificateOf('webhook-client')
  const { tls } = specOf(server)
  const own = { ...tls, cert: readFileSync(cert, 'latin1'), key: readFileSync(key, 'latin1') }
  await using sink = await openHook(specOf(server, { tls: own }))
  await sink.emit(batchOf(row(1)))
  await sink.flush(frontier)
  assert.equal(server.taken[0]?.client, 'webhook-client')
  const retry = { max: 1, backoffMs: 1 }
  await assert.rejects(
    async () => {
      await using bare = await openHook(specOf(server, { retry }))
      await bare.emit(batchOf(row(1)))
      await bare.flush(frontier)
    },
    (error: FeedError) => {
      assert.match(error.message, /closed the connection before it answered/)
      assert.match(error.hint ?? '', /give client_cert and client_key/)
      return true
    },
  )
})

test('the headers of the specification are in every request', async () => {
  await using server = await HookServer.start({ isPlain: true })
  const headers = [
    { name: 'authorization', value: 'Basic dXNlcjpwd2Q=' },
    { name: 'content-type', value: 'application/vnd.mine+json' },
  ]
  await using sink = await openHook(specOf(server, { headers }))
  await sink.emit(batchOf(row(1)))
  await sink.flush(frontier)
  const [request] = server.requests
  assert.equal(request?.headers.authorization, 'Basic dXNlcjpwd2Q=')
  assert.equal(request?.headers['content-type'], 'application/vnd.mine+json')
  assert.equal(request?.headers['user-agent'], 'pg-changefeed')
})

test('an endpoint may be an IPv6 address', async () => {
  await using server = await HookServer.start({ isPlain: true, host: '::1' })
  await using sink = await openHook(specOf(server))
  await sink.emit(batchOf(row(1)))
  await sink.flush(frontier)
  assert.deepEqual(bodies(server), [payload(row(1))])
})

test('a metadata service is not connected to, unless that is allowed', async () => {
  await using server = await HookServer.start()
  for (const url of ['https://169.254.169.254/latest', 'https://[fd00:ec2::254]/']) {
    await assert.rejects(openHook(specOf(server, { url, timeoutMs: 200 })), (error: FeedError) => {
      assert.match(error.message, /which is the metadata service of a cloud/)
      assert.equal(error.code, 'FEED_PRIVILEGE')
      return true
    })
  }
  // The address is not there, but it is tried.
  await assert.rejects(
    openHook(specOf(server, { url: 'https://169.254.169.254/', timeoutMs: 200, mayReachMetadata: true })),
    /cannot be reached/,
  )
})
