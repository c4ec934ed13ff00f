// Many feeds, much data, slow readers: what must stay small stays small.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { zeroHlc } from '../../src/core/hlc.ts'
import { hlcOf, SinklessFeed } from '../feed/test-feed.ts'
import { TestServer, until } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

/** Megabytes that the program itself holds; PostgreSQL is another process. */
function residentMb(): number {
  const text = readFileSync(`/proc/${server.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]) / 1024
}

test(
  '64 feeds over one table get the same, in the same order, and leave nothing behind',
  { timeout: 120_000 },
  async () => {
    await server.sql('CREATE TABLE shared (a INT PRIMARY KEY)')
    const feeds = await Promise.all(
      Array.from({ length: 64 }, () =>
        SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR shared WITH updated, resolved'),
      ),
    )
    try {
      await Promise.all(feeds.map((feed) => feed.resolvedPast(zeroHlc)))
      for (let i = 0; i < 20; i++)
        await server.sql(`INSERT INTO shared SELECT i FROM generate_series(${i * 10}, ${i * 10 + 9}) AS i`)
      await Promise.all(feeds.map((feed) => feed.row(200)))
      const [first, ...others] = feeds
      for (const feed of others) assert.deepEqual(feed.texts, first?.texts)
      const last = hlcOf(first?.rows.at(-1)?.value ?? '', 'updated')
      await Promise.all(feeds.map((feed) => feed.resolvedPast(last)))
      for (const feed of feeds) assert.deepEqual(feed.failures, [])
    } finally {
      await Promise.all(feeds.map((feed) => feed[Symbol.asyncDispose]()))
    }
    await until('all feeds are gone', 2000, async () =>
      (await server.sql('SHOW QUERIES')).some(({ query }) => String(query).includes('FOR shared')) ? undefined : true,
    )
    const slots = await server.sql(`SELECT count(*)::int4 AS n FROM pg_replication_slots WHERE NOT temporary`)
    assert.equal(slots[0]?.['n'], 1)
  },
)

test(
  'a reader who stops reading costs no memory, however much is written meanwhile',
  { timeout: 120_000 },
  async () => {
    await server.sql('CREATE TABLE flood (a INT PRIMARY KEY, b STRING)')
    const client = await server.connect()
    const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadableStream & { destroy(): void } } })
      .connection
    let rows = 0
    const query = new pg.Query('EXPERIMENTAL CHANGEFEED FOR flood WITH no_initial_scan, resolved')
    query.on('row', ({ table }: { table: string | null }) => {
      if (table !== null) rows += 1
      else if (rows === 0) begun.resolve()
    })
    query.on('error', () => undefined)
    const begun = Promise.withResolvers<void>()
    client.query(query)
    await begun.promise
    stream.pause()
    const before = residentMb()
    const batches = 20
    for (let i = 0; i < batches; i++) {
      await server.sql(
        `INSERT INTO flood SELECT ${i * 10_000} + i, repeat('f', 1000) FROM generate_series(1, 10000) AS i`,
      )
    }
    // 200 MB went into the log. Everybody else is served meanwhile.
    await using other = await SinklessFeed.open(
      server,
      'EXPERIMENTAL CHANGEFEED FOR flood WITH no_initial_scan, resolved',
    )
    await other.resolvedPast(zeroHlc)
    const grown = residentMb() - before
    assert.ok(grown < 150, `the server grew by ${Math.round(grown)} MB`)
    stream.resume()
    await until('all rows', 60_000, () => (rows === batches * 10_000 ? true : undefined))
    stream.destroy()
  },
)

test('a transaction larger than what may be held passes, once per row', { timeout: 120_000 }, async () => {
  await server.sql('CREATE TABLE large (a INT PRIMARY KEY, b STRING, n INT)')
  await using feed = await SinklessFeed.open(
    server,
    'EXPERIMENTAL CHANGEFEED FOR large WITH no_initial_scan, updated, resolved',
  )
  await feed.resolvedPast(zeroHlc)
  const before = residentMb()
  await server.sql(
    `BEGIN; INSERT INTO large SELECT i, repeat('l', 1000), 0 FROM generate_series(1, 100000) AS i; UPDATE large SET n = 1; COMMIT`,
  )
  await until('all rows', 60_000, () =>
    feed.messages.length >= 100_000 && feed.rows.length >= 100_000 ? true : undefined,
  )
  const grown = residentMb() - before
  assert.equal(feed.rows.length, 100_000)
  assert.equal(new Set(feed.rows.map(({ key }) => key)).size, 100_000)
  assert.ok(feed.rows.every(({ value }) => value.includes('"n": 1')))
  assert.equal(new Set(feed.rows.map(({ value }) => hlcOf(value, 'updated').wall)).size, 1)
  assert.ok(grown < 200, `the server grew by ${Math.round(grown)} MB`)
})
