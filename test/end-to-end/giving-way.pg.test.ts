// DDL of the application while a scan reads the table: the DDL gets its lock, and the scan goes on behind it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { nullJobs } from '../feed/null-jobs.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until, within } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

const count = 50_000
/** On a machine that does nothing else it is less than half a second. */
const soonMs = 5000

/** A table of some thousand pages. */
async function bigTable(name: string): Promise<void> {
  await server.sql(`CREATE TABLE ${name} (a INT PRIMARY KEY, b TEXT, n INT)`)
  await server.sql(`INSERT INTO ${name} SELECT i, repeat('x', 200), 0 FROM generate_series(1, ${count}) AS i`)
}

/** How long the statement takes while others write, and how long the slowest write takes. */
async function besideWrites(table: string, sql: string): Promise<{ readonly ddlMs: number; readonly writeMs: number }> {
  let isOver = false
  let writeMs = 0
  const write = async (): Promise<void> => {
    const client = await server.connect()
    for (let i = 1; !isOver; i++) {
      const start = Date.now()
      await client.query(`UPDATE ${table} SET n = n + 1 WHERE a = ${(i * 997) % count}`)
      writeMs = Math.max(writeMs, Date.now() - start)
      // As fast as an application, not as fast as it can.
      await delay(5)
    }
    await client.end()
  }
  const writing = write()
  // Writes before the statement.
  await delay(50)
  const start = Date.now()
  await server.sql(sql)
  const ddlMs = Date.now() - start
  // Writes behind it.
  await delay(50)
  isOver = true
  await writing
  return { ddlMs, writeMs }
}

/** The last value of each key, without its time. */
function lastOf(feed: SinklessFeed): Map<string, string> {
  return new Map(feed.rows.map(({ key, value }) => [key, value.replace(/, "updated": "[^"]*"/, '')]))
}

async function assertLast(table: string, columns: string, feed: SinklessFeed): Promise<void> {
  const rows = await server.sql(`SELECT a, json_build_object(${columns})::text AS value FROM ${table}`)
  const wanted = new Map(rows.map(({ a, value }) => [`[${String(a)}]`, JSON.parse(String(value)) as unknown]))
  const isThere = (): true | undefined => {
    const last = lastOf(feed)
    for (const [key, row] of wanted) {
      const value = last.get(key)
      if (value === undefined || !value.includes(`"n": ${String((row as { n: number }).n)}`)) return undefined
    }
    return true
  }
  await until('the last version of each row', 120_000, async () => {
    const found = isThere()
    // To look at all messages takes a while.
    if (found === undefined) await delay(500)
    return found
  })
  const last = lastOf(feed)
  assert.equal(last.size, wanted.size)
  for (const [key, value] of last) assert.deepEqual(JSON.parse(value), { after: wanted.get(key) }, key)
}

const gaveWay = ({ notices }: SinklessFeed): number => notices.filter((text) => /is giving way to/.test(text)).length

test(
  'a scan of a slow consumer gives way to ALTER TABLE, and so does the backfill after it',
  { timeout: 600_000 },
  async () => {
    await bigTable('t')
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t WITH updated')
    await feed.row(1)
    feed.hold(true)
    const first = await besideWrites('t', 'ALTER TABLE t ADD COLUMN c INT DEFAULT 7')
    assert.ok(first.ddlMs < soonMs && first.writeMs < soonMs, JSON.stringify(first))
    feed.hold(false)
    const isBackfill = (): true | undefined => feed.rows.at(-1)?.value.includes('"c": 7') === true || undefined
    await until('the first row of the backfill', 120_000, isBackfill)
    feed.hold(true)
    const second = await besideWrites('t', 'ALTER TABLE t DROP COLUMN b')
    assert.ok(second.ddlMs < soonMs && second.writeMs < soonMs, JSON.stringify(second))
    feed.hold(false)
    await assertLast('t', `'a', a, 'n', n, 'c', c`, feed)
    assert.equal(gaveWay(feed), 2, feed.notices.join('; '))
  },
)

test(
  'a scan that gives way reads the table again where the log does not hold what rows were',
  { timeout: 600_000 },
  async () => {
    // Without columns that may be stored out of line the whole old row is not logged.
    await server.sql('CREATE TABLE u (a INT PRIMARY KEY, n INT) WITH (fillfactor = 10)')
    await server.sql(`INSERT INTO u SELECT i, 0 FROM generate_series(1, ${count}) AS i`)
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR u WITH updated')
    await feed.row(1)
    feed.hold(true)
    const { ddlMs, writeMs } = await besideWrites('u', 'ALTER TABLE u ADD COLUMN c INT DEFAULT 7')
    assert.ok(ddlMs < soonMs && writeMs < soonMs, `${ddlMs} ${writeMs}`)
    feed.hold(false)
    await assertLast('u', `'a', a, 'n', n, 'c', c`, feed)
    assert.match(feed.notices.join('; '), /is giving way to .* is scanning its tables as of/)
  },
)

test('DDL without end is let pass each time, and the scan comes to its end', { timeout: 600_000 }, async () => {
  await bigTable('v')
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR v WITH updated')
  await feed.row(1)
  let slowestMs = 0
  const client = await server.connect()
  for (const deadline = Date.now() + 200_000; new Set(feed.rows.map(({ key }) => key)).size < count;) {
    assert.ok(Date.now() < deadline, `${feed.rows.length} rows; ${feed.notices.length} notices`)
    const start = Date.now()
    // It waits for the lock, and the feed does not read the table again for it.
    await client.query('BEGIN; LOCK TABLE v IN ACCESS EXCLUSIVE MODE; COMMIT')
    slowestMs = Math.max(slowestMs, Date.now() - start)
    // As fast as an application, not as fast as it can.
    await delay(20)
  }
  await client.end()
  assert.ok(slowestMs < soonMs, `${slowestMs}`)
  assert.ok(gaveWay(feed) > 1)
})

test('a scan gives way to a change of a type', { timeout: 600_000 }, async () => {
  await server.sql('CREATE TYPE pair AS (x INT, y INT)')
  await bigTable('x')
  await server.sql(`ALTER TABLE x ADD COLUMN p pair`)
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR x WITH updated')
  await feed.row(1)
  feed.hold(true)
  const start = Date.now()
  await server.sql('ALTER TYPE pair ADD ATTRIBUTE z INT')
  assert.ok(Date.now() - start < soonMs)
  feed.hold(false)
  await until('all rows', 120_000, () => new Set(feed.rows.map(({ key }) => key)).size === count || undefined)
  assert.equal(gaveWay(feed), 1)
})

test('a job whose table is locked after its schema change says what it waits for', { timeout: 600_000 }, async () => {
  await server.sql('CREATE TABLE y (a INT PRIMARY KEY)')
  const { create, job } = nullJobs(() => server)
  const id = await create('', 'y')
  await until('it runs', 30_000, async () => (await job(id)).high_water_timestamp ?? undefined)
  const client = await server.connect()
  await client.query(
    'BEGIN; ALTER TABLE y ADD COLUMN b INT DEFAULT 7; COMMIT; BEGIN; LOCK TABLE y IN ACCESS EXCLUSIVE MODE',
  )
  const waits = async (): Promise<boolean> =>
    (await job(id)).running_status?.includes('which has locked table') === true
  await within(60_000, 'it says what it waits for', waits)
  await client.query('COMMIT')
  await client.end()
  await within(60_000, 'it goes on', async () => !(await waits()))
})

test('a scan whose next table has an index that somebody else has locked gives way, says to whom, and goes on behind it', async () => {
  for (const name of ['before_it', 'and_it']) await bigTable(name)
  await server.sql('CREATE TABLE locked_index (a INT PRIMARY KEY); INSERT INTO locked_index VALUES (1), (2)')
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR before_it, and_it, locked_index')
  await feed.row(1)
  // Nothing is read from the connection, so the scan does not come to the other table.
  feed.hold(true)
  const client = await server.connect()
  await client.query('BEGIN')
  // SHARE for the table, which a scan does not mind, and ACCESS EXCLUSIVE for the index.
  await client.query('REINDEX INDEX locked_index_pkey')
  feed.hold(false)
  await within(60_000, 'a notice', () =>
    feed.notices.some((text) =>
      /giving way to process \d+ of user "\w+", which has locked index public.locked_index_pkey/.test(text),
    ),
  )
  await client.query('COMMIT')
  await client.end()
  const keys = (): number => new Set(feed.rows.map(({ topic, key }) => `${topic} ${key}`)).size
  await within(60_000, 'all rows', () => keys() === 2 * count + 2)
})
