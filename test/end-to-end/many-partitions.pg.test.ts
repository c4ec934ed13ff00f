// A partitioned table of a thousand leaves, on a PostgreSQL with the locks that it has by default.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'

const count = 1000

let theirs: PostgresServerUnderTest
let server: TestServer
before(async () => {
  theirs = await PostgresServerUnderTest.start({ version: 15 })
  await theirs.sql('CREATE DATABASE app')
  server = await TestServer.start({ attached: { url: theirs.url('app'), user: 'postgres', database: 'app' } })
  await server.sql('CREATE TABLE many (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)')
  for (let from = 0; from < count; from += 250) {
    await server.sql(
      `DO $$ BEGIN FOR i IN ${from}..${from + 249} LOOP EXECUTE format('CREATE TABLE many_%s PARTITION OF many FOR VALUES FROM (%s) TO (%s)', i, i, i + 1); END LOOP; END $$`,
    )
  }
  await server.sql(`INSERT INTO many SELECT i, i FROM generate_series(0, ${count - 1}) i`)
})
after(async () => {
  await server[Symbol.asyncDispose]()
  await theirs[Symbol.asyncDispose]()
})

test(
  'a changefeed of a thousand partitions starts, reads each row once, follows them all, and never holds many strong locks',
  { timeout: 500_000 },
  async () => {
    let isWatching = true
    let most = 0
    const looking = (async () => {
      while (isWatching) {
        const rows = await server.sql(
          `SELECT count(*)::int4 AS n FROM pg_locks WHERE locktype = 'relation' AND mode IN ('ShareRowExclusiveLock', 'AccessExclusiveLock') GROUP BY pid ORDER BY 1 DESC LIMIT 1`,
        )
        most = Math.max(most, Number(rows[0]?.['n'] ?? 0))
      }
    })()
    await using feed = await SinklessFeed.open(server, 'CREATE CHANGEFEED FOR many WITH resolved')
    await until('all rows are read', 200_000, async () => (feed.rows.length >= count ? true : undefined))
    isWatching = false
    await looking
    assert.equal(new Set(feed.rows.map(({ key }) => key)).size, count)
    assert.equal(feed.rows.length, count)
    // A batch of tables, each with its index, and a few of ours.
    assert.ok(most <= 100, `${most} strong locks at a time`)
    await server.sql('UPDATE many SET v = -1 WHERE id % 100 = 0')
    await feed.row(count + 10)
    await server.sql('ALTER TABLE many ADD COLUMN w int DEFAULT 1')
    await until('all rows are read again', 200_000, async () => (feed.rows.length >= 2 * count + 10 ? true : undefined))
    assert.equal(feed.rows.length, 2 * count + 10)
  },
)
