// Many feeds, much data, slow readers: what must stay small stays small.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { hlcOf } from '../feed/test-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

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
  { timeout: 300_000 },
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
  'a schema change under many feeds: each gets the rows again, and none is in the way of the others',
  { timeout: 600_000 },
  async () => {
    // More than there are connections for replication.
    const count = 150
    await server.sql('CREATE TABLE altered (a INT PRIMARY KEY)')
    await server.sql('INSERT INTO altered SELECT generate_series(1, 100)')
    const options = "updated, resolved, initial_scan = 'no'"
    const open = async (): Promise<SinklessFeed> => {
      const feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR altered WITH ${options}`)
      await feed.resolvedPast(zeroHlc)
      return feed
    }
    const feeds = [await open()]
    try {
      while (feeds.length < count) feeds.push(...(await Promise.all(Array.from({ length: 15 }, open))))
      await server.sql('ALTER TABLE altered ADD COLUMN b INT DEFAULT 7')
      // They take turns.
      await until('all have the rows', 180_000, () => {
        for (const feed of feeds) if (feed.error !== undefined) throw feed.error
        return feeds.every(({ rows }) => rows.length >= 100) || undefined
      })
      const texts = [...(feeds[0]?.texts ?? [])].sort()
      for (const feed of feeds) {
        assert.deepEqual([...feed.texts].sort(), texts)
        assert.deepEqual(feed.failures, [])
      }
    } finally {
      await Promise.all(feeds.map((feed) => feed[Symbol.asyncDispose]()))
    }
  },
)

test(
  'a reader who stops reading costs no memory, however much is written meanwhile',
  { timeout: 300_000 },
  async () => {
    await server.sql('CREATE TABLE flood (a INT PRIMARY KEY, b TEXT)')
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

test('a feed that is left at any stage of its start leaves no slot and no connection behind', async () => {
  await server.sql('CREATE TABLE staged (a INT PRIMARY KEY, b TEXT)')
  await server.sql(`INSERT INTO staged SELECT i, repeat('s', 1000) FROM generate_series(1, 50000) AS i`)
  {
    await using first = await SinklessFeed.open(
      server,
      'EXPERIMENTAL CHANGEFEED FOR staged WITH no_initial_scan, resolved',
    )
    await first.resolvedPast(zeroHlc)
  }
  // Connections of feeds, and what they wait for.
  const theirs = async (): Promise<string> =>
    (
      await server.sql(
        `SELECT string_agg(coalesce(wait_event, ''), ' ') AS waits FROM pg_stat_activity
         WHERE application_name LIKE 'pg-changefeed%' AND state <> 'idle' AND query NOT LIKE 'START_REPLICATION%'`,
      )
    )[0]?.['waits'] as string
  const isGone = async (): Promise<true | undefined> => {
    const [slots] = await server.sql('SELECT count(*)::int4 AS n FROM pg_replication_slots WHERE temporary')
    return slots?.['n'] === 0 && (await theirs()) === null ? true : undefined
  }
  const writer = await server.connect()
  try {
    for (const [stage, sql, isWaiting] of [
      [
        'behind an open transaction',
        'INSERT INTO staged VALUES (-1)',
        async () => (await theirs())?.includes('transactionid') === true,
      ],
      [
        'behind a lock',
        'LOCK TABLE staged IN ACCESS EXCLUSIVE MODE',
        async ({ notices }: SinklessFeed) =>
          /waiting for process \d+ of user "\w+", which has locked table /.test(notices.join()),
      ],
    ] as const) {
      await writer.query(`BEGIN; ${sql}`)
      const feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR staged')
      await until(`the feed waits ${stage}`, 10_000, async () => ((await isWaiting(feed)) ? true : undefined))
      await feed[Symbol.asyncDispose]()
      await until(`what waited ${stage} is gone`, 5000, isGone)
      await writer.query('ROLLBACK')
    }
  } finally {
    await writer.end()
  }
  const reader = await server.connect()
  const { stream } = (reader as unknown as { connection: { stream: NodeJS.ReadableStream & { destroy(): void } } })
    .connection
  const query = new pg.Query('EXPERIMENTAL CHANGEFEED FOR staged')
  const begun = Promise.withResolvers<void>()
  query.on('row', () => begun.resolve())
  query.on('error', () => undefined)
  reader.query(query)
  await begun.promise
  stream.pause()
  await until('the scan waits for its reader', 10_000, async () =>
    (await theirs())?.includes('ClientWrite') ? true : undefined,
  )
  stream.destroy()
  await until('the scan is gone', 5000, isGone)
})

test('a transaction larger than what may be held passes, once per row', { timeout: 300_000 }, async () => {
  await server.sql('CREATE TABLE large (a INT PRIMARY KEY, b TEXT, n INT)')
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
