// Live tails of large rows and of browsers that do not read: what they hold has a bound, and whoever reads learns what is missing.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import type { ListedJob } from '../../src/jobs/listed-jobs.ts'
import type { TailLine } from '../../src/server/api/answers.ts'
import { liveTail } from '../../src/server/api/live-tail.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const own = { 'x-changefeed-console': '1' }

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

async function jobOn(table: string): Promise<string> {
  const [row] = await server.sql(`CREATE CHANGEFEED FOR ${table} INTO 'null://' WITH initial_scan = 'no'`)
  return String(row?.['job_id'])
}

async function openTail(job: string, port = server.httpPort): Promise<IncomingMessage> {
  const path = `/api/v1/jobs/${job}/messages?scan=yes`
  const [response] = (await once(get({ host: '127.0.0.1', port, path, headers: own }), 'response')) as [IncomingMessage]
  assert.equal(response.statusCode, 200)
  return response
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<TailLine> {
  for await (const line of createInterface(response)) yield JSON.parse(line) as TailLine
}

function megabytes(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024
}

test('of a long value the beginning is shown, and how much is missing; a client of SQL gets all of it', async () => {
  await server.sql(`CREATE TABLE long (id INT PRIMARY KEY, t STRING); INSERT INTO long VALUES (1, repeat('x', 300000))`)
  const response = await openTail(await jobOn('long'))
  for await (const line of linesOf(response)) {
    if (line.tag !== 'message') continue
    const whole = `{"after": {"id": 1, "t": "${'x'.repeat(300_000)}"}`
    assert.equal(line.value, whole.slice(0, 65_536))
    assert.ok((line.cut ?? 0) > whole.length - 65_536, `${line.cut} bytes are missing`)
    break
  }
  response.destroy()
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR long')
  await feed.row(1)
  assert.ok((feed.texts[0]?.length ?? 0) > 300_000)
})

test('tails that nobody reads, of rows of 16 MB, do not hold these rows', async () => {
  await server.sql(
    `CREATE TABLE large (id INT PRIMARY KEY, t STRING); INSERT INTO large SELECT i, repeat(md5(i::text), 16 * 32768) FROM generate_series(1, 8) i`,
  )
  const job = await jobOn('large')
  // Threads and what they load are there before it is measured.
  const first = await openTail(job)
  await once(first, 'data')
  first.destroy()
  const before = megabytes()
  let most = before
  const timer = setInterval(() => (most = Math.max(most, megabytes())), 20)
  const tails = await Promise.all(Array.from({ length: 8 }, () => openTail(job)))
  try {
    await until('each has its first bytes', 60_000, () =>
      tails.every(({ readableLength, socket }) => readableLength > 0 || socket.bytesRead > 65_536) ? true : undefined,
    )
    // What the tails hold grows for some moments more if nothing stops it: there is nothing to wait for.
    await new Promise((resolve) => setTimeout(resolve, 3000))
    assert.ok(most - before < 250, `the server has grown from ${before} to ${most} MB`)
  } finally {
    clearInterval(timer)
    for (const tail of tails) tail.destroy()
  }
})

test('a tail that nobody reads ends, and its last line says so', async () => {
  await server.sql(
    `CREATE TABLE many (id INT PRIMARY KEY, t STRING); INSERT INTO many SELECT i, repeat('x', 60000) FROM generate_series(1, 400) i`,
  )
  const id = await jobOn('many')
  const [row] = await server.sql(`SELECT 'many'::regclass::oid::int8 AS relid`)
  const job = { id, spec: { database: 'defaultdb', targets: [{ relid: Number(row?.['relid']) }] } }
  const over = Promise.withResolvers<void>()
  const web = createServer((_, response) => {
    liveTail({
      response,
      user: { name: 'root', database: 'defaultdb', password: undefined },
      port: { host: '127.0.0.1', port: server.sqlPort },
      job: job as unknown as ListedJob,
      hasScan: true,
      signal: new AbortController().signal,
      unreadMs: 1000,
    }).then(over.resolve, over.reject)
  })
  web.listen(0, '127.0.0.1')
  await once(web, 'listening')
  try {
    const response = await openTail(id, (web.address() as AddressInfo).port)
    await over.promise
    let last: TailLine | undefined
    for await (const line of linesOf(response)) last = line
    assert.deepEqual(last, {
      tag: 'end',
      error: 'nobody has read this live tail for 1 s',
      hint: 'begin another one',
      sqlstate: '55000',
    })
  } finally {
    web.closeAllConnections()
    web.close()
  }
})
