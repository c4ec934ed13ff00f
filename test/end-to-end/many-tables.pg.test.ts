// A changefeed over thousands of tables: it starts soon, tells how far it is, and is left at any moment.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const count = 2000
const targets = Array.from({ length: count }, (_, i) => `m${i}`).join(', ')
const statement = `EXPERIMENTAL CHANGEFEED FOR ${targets} WITH resolved`

let server: TestServer
before(async () => {
  server = await TestServer.start()
  for (let from = 0; from < count; from += 500) {
    await server.sql(
      `DO $$ BEGIN FOR i IN ${from}..${from + 499} LOOP EXECUTE format('CREATE TABLE m%s (id int PRIMARY KEY, v text)', i); EXECUTE format('INSERT INTO m%s VALUES (1)', i); END LOOP; END $$`,
    )
  }
})
after(() => server[Symbol.asyncDispose]())

/** Of our tables. */
async function watched(): Promise<number> {
  const [row] = await server.sql(
    `SELECT count(*)::int4 AS n FROM pg_publication_rel JOIN pg_class c ON c.oid = prrelid WHERE relname LIKE 'm%'`,
  )
  return Number(row?.['n'])
}

async function queryId(): Promise<string | undefined> {
  const rows = await server.sql('SELECT query_id, query FROM [SHOW QUERIES]')
  return rows.find(({ query }) => String(query).startsWith('EXPERIMENTAL CHANGEFEED FOR m0'))?.['query_id'] as
    | string
    | undefined
}

async function isGone(): Promise<void> {
  await until('the changefeed is gone', 1000, async () => ((await queryId()) === undefined ? true : undefined))
  const left = await watched()
  // What is left is not taken under watch by somebody who has gone.
  for (let i = 0; i < 20; i++) assert.equal(await watched(), left)
}

test(
  'a start over many tables ends at once in its middle, by CANCEL QUERY and with its connection',
  { timeout: 300_000 },
  async () => {
    const isBegun = async (before: number): Promise<true | undefined> => ((await watched()) > before ? true : undefined)
    {
      await using feed = await SinklessFeed.open(server, statement)
      await until('some tables are watched', 30_000, () => isBegun(0))
      const id = await queryId()
      await server.sql(`CANCEL QUERY '${id}'`)
      await feed.ended
      assert.equal(feed.error?.code, '57014')
      await isGone()
    }
    const then = await watched()
    assert.ok(then < count, `all ${then} tables were watched before the cancel came`)
    const feed = await SinklessFeed.open(server, statement)
    await until('more tables are watched', 30_000, () => isBegun(then))
    await feed[Symbol.asyncDispose]()
    await isGone()
    assert.ok((await watched()) < count)
  },
)

test(
  'a start behind one locked table says which and who has it, ends at once when it is left, and goes on when it may',
  { timeout: 300_000 },
  async () => {
    const holder = await server.connect()
    await holder.query(`BEGIN; INSERT INTO m${count - 1} VALUES (2)`)
    const isWaiting = async (): Promise<true | undefined> =>
      (await server.sql(`SELECT FROM pg_locks WHERE relation = 'm${count - 1}'::regclass AND NOT granted`)).length > 0
        ? true
        : undefined
    {
      const feed = await SinklessFeed.open(server, statement)
      await until('the feed waits for the locked table', 30_000, isWaiting)
      await feed[Symbol.asyncDispose]()
      await isGone()
      // Everybody else does not wait for the locked one.
      assert.equal(await watched(), count - 1)
    }
    await using feed = await SinklessFeed.open(server, statement)
    await until('the wait is told', 10_000, () =>
      feed.notices.some((text) => text.startsWith(`changefeed is waiting for table public.m${count - 1}`))
        ? true
        : undefined,
    )
    await holder.query('COMMIT')
    await holder.end()
    await feed.row(count + 1)
    await server.sql('INSERT INTO m7 VALUES (3)')
    await feed.row(count + 2)
  },
)
