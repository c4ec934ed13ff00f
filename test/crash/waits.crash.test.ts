// A changefeed starts at a slot, and a slot waits for every transaction that has written. The statement says so, can be
// cancelled meanwhile, and leaves nothing behind.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { needsInstalled } from '../support/servers/server-of-tests.ts'
import { until } from '../support/until.ts'

const withinMs = 30_000

test('a changefeed that waits for an open transaction names it, and goes on or ends as its client wants', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE foo (a INT PRIMARY KEY); CREATE TABLE busy (a INT PRIMARY KEY)')
  await server.sql('INSERT INTO foo VALUES (1)')
  const writer = await server.connect()
  try {
    const [row] = (await writer.query('SELECT pg_backend_pid() AS pid')).rows as { pid: number }[]
    // A role of few rights does not see for how long.
    const lasts = `(?:, in its transaction for \\d+ s)${needsInstalled === false ? '' : '?'}`
    const named = new RegExp(
      `^changefeed is waiting for transactions that have written: process ${row?.pid} of user "root" in database "defaultdb"${lasts}$`,
    )
    // The first one waits for the slot of the database, the second for that of its scan.
    for (const isFirst of [true, false]) {
      await writer.query('BEGIN; INSERT INTO busy VALUES (1)')
      {
        await using left = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR foo')
        await until('the notice', withinMs, () => (left.notices.some((text) => named.test(text)) ? true : undefined))
      }
      await until('nothing of it waits any more', withinMs, async () => {
        const [waits] = await server.sql(
          `SELECT count(*)::int4 AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND backend_type = 'walsender'`,
        )
        return waits?.['n'] === (isFirst ? 1 : 0) ? true : undefined
      })
      await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR foo')
      await until('the notice', withinMs, () => (feed.notices.some((text) => named.test(text)) ? true : undefined))
      assert.deepEqual(feed.texts, [])
      await writer.query('COMMIT; TRUNCATE busy')
      await until('its row', withinMs, () => (feed.rows.length === 1 ? true : undefined))
      assert.deepEqual(feed.texts, ['foo: [1]->{"after": {"a": 1}}'])
    }
  } finally {
    await writer.end()
  }
})
