// Many scans that do not get on: what they hold of PostgreSQL stays small, and others are not held up by them.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { nullJobs } from '../feed/null-jobs.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { AnsweringRegistry } from '../support/answering-registry.ts'
import { needsInstalled } from '../support/servers/server-of-tests.ts'
import { until, within } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

const jobs = nullJobs(() => server)
/** More than have turns. */
const many = 40
/** Twelve turns of three connections, one more for each scan that opens them, the cuts of statements, and those that read the log. */
const mostConnections = 12 * 4 + 32 + 4

/** Connections that feeds have to PostgreSQL. */
async function connections(): Promise<number> {
  const [row] = await server.sql(
    `SELECT count(*)::int4 AS n FROM pg_stat_activity WHERE application_name = 'pg-changefeed'`,
  )
  return Number(row?.['n'])
}

const waitsForTurn = 'waiting until other changefeeds have read their tables'

test(
  'feeds whose table is locked have no turns: the feed of another table waits only for what PostgreSQL waits for',
  { timeout: 400_000 },
  async () => {
    await server.sql('CREATE TABLE ta (a INT PRIMARY KEY); CREATE TABLE tb (a INT PRIMARY KEY)')
    await server.sql('INSERT INTO ta SELECT generate_series(1, 10); INSERT INTO tb SELECT generate_series(1, 10)')
    const feeds: SinklessFeed[] = []
    const locker = await server.connect()
    try {
      const open = async (table: string): Promise<SinklessFeed> => {
        const options = "updated, resolved, initial_scan = 'no'"
        const feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${table} WITH ${options}`)
        feeds.push(feed)
        await feed.resolvedPast(zeroHlc)
        return feed
      }
      const other = await open('tb')
      await Promise.all(Array.from({ length: many }, () => open('ta')))
      // The lock is there before any feed can have read the table.
      await locker.query(
        'BEGIN; ALTER TABLE ta ADD COLUMN q INT DEFAULT 1; COMMIT; BEGIN; LOCK TABLE ta IN ACCESS EXCLUSIVE MODE',
      )
      const isWaiting = ({ notices }: SinklessFeed): boolean =>
        notices.some((text) => /waiting for process \d+ of user "\w+", which has locked table /.test(text))
      // Where nothing of ours is in the database, a change of a table is known when nobody has locked it.
      if (needsInstalled === false)
        await until('the feeds of the locked table wait', 60_000, () => feeds.slice(1).every(isWaiting) || undefined)
      await server.sql('ALTER TABLE tb ADD COLUMN q INT DEFAULT 1')
      // PostgreSQL gives no snapshot of its log while a transaction is open that has an ACCESS EXCLUSIVE lock, on whatever table.
      const { processID } = locker as unknown as { processID: number }
      const itself = `waiting for transactions that have written: process ${processID} `
      await until(
        'the other one is about to read',
        60_000,
        () => other.notices.some((text) => text.includes(itself)) || undefined,
      )
      await locker.query('COMMIT')
      await until(
        'the feeds of the other table have the rows, too',
        60_000,
        () => feeds.every(({ rows }) => rows.length === 10) || undefined,
      )
      for (const { failures } of feeds) assert.deepEqual(failures, [])
    } finally {
      await locker.end()
      await Promise.all(feeds.map((feed) => feed[Symbol.asyncDispose]()))
    }
  },
)

test('jobs that wait for a schema registry leave PostgreSQL to others', { timeout: 500_000 }, async () => {
  const unanswered: (() => void)[] = []
  let isSilent = true
  await using registry = await AnsweringRegistry.start(({ method }, response) => {
    if (method !== 'POST' || !isSilent) return method === 'POST' ? '{"id": 1}' : '[]'
    unanswered.push(() => response.writeHead(200, { 'content-type': 'application/json' }).end('{"id": 1}'))
    return undefined
  })
  await server.sql('CREATE TABLE m (a INT PRIMARY KEY)')
  await server.sql('INSERT INTO m SELECT generate_series(1, 100)')
  let most = 0
  const options = `WITH format = avro, confluent_schema_registry = '${registry.url}'`
  const ids: string[] = []
  for (let i = 0; i < many; i += 5) {
    ids.push(...(await Promise.all(Array.from({ length: 5 }, () => jobs.create(options, 'm')))))
    most = Math.max(most, await connections())
  }
  const statuses = async (): Promise<string[]> => {
    const rows = await server.sql(
      `SELECT coalesce(running_status, '') AS s FROM crdb_internal.jobs WHERE job_id IN (${ids.join(', ')})`,
    )
    return rows.map(({ s }) => String(s))
  }
  // Those whose turns the others have got wait for the registry without connections.
  await within(60_000, 'each says what it waits for', async () =>
    (await statuses()).every(
      (status) => status.includes(waitsForTurn) || status.includes('waiting for the schema registry'),
    ),
  )
  await within(60_000, 'all have asked the registry', async () =>
    (await statuses()).every((status) => status.includes('waiting for the schema registry')),
  )
  most = Math.max(most, await connections())
  assert.ok(most <= mostConnections, `${most} connections`)
  // Others begin at once.
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR m')
  await feed.row(100)
  const [canceled = '', paused = '', ...others] = ids
  const startMs = Date.now()
  await server.sql(`CANCEL JOB ${canceled}`)
  await server.sql(`PAUSE JOB ${paused}`)
  assert.ok(Date.now() - startMs < 10_000)
  await jobs.reaches(canceled, 'canceled')
  await jobs.reaches(paused, 'paused')
  isSilent = false
  for (const answer of unanswered) answer()
  await within(60_000, 'all jobs have scanned', async () => {
    const rows = await server.sql(
      `SELECT FROM crdb_internal.jobs WHERE job_id IN (${others.join(', ')}) AND high_water_timestamp IS NULL`,
    )
    return rows.length === 0
  })
  await server.sql(`CANCEL JOBS (SELECT job_id FROM [SHOW JOBS] WHERE status IN ('running', 'paused'))`)
})

test(
  'scans whose clients read nothing leave PostgreSQL to others, and lose nothing by it',
  { timeout: 600_000 },
  async () => {
    const count = 30_000
    await server.sql('CREATE TABLE w (a INT PRIMARY KEY, b TEXT)')
    await server.sql(`INSERT INTO w SELECT i, repeat('w', 1000) FROM generate_series(1, ${count}) AS i`)
    await server.sql('CREATE TABLE x (a INT PRIMARY KEY)')
    await server.sql('INSERT INTO x SELECT generate_series(1, 100)')
    const feeds: SinklessFeed[] = []
    try {
      // One more than have turns: one of them gives its turn away.
      for (let i = 0; i < 13; i++) {
        const feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR w WITH updated')
        feeds.push(feed)
        if (i < 12) await feed.row(1)
        feed.hold(true)
      }
      await using other = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR x')
      await other.row(100)
      assert.ok((await connections()) <= mostConnections)
      await server.sql(`UPDATE w SET b = 'new' WHERE a % 1000 = 0`)
      for (const feed of feeds) feed.hold(false)
      await until(
        'one of them has waited',
        30_000,
        () => feeds.some(({ notices }) => notices.some((text) => text.includes(waitsForTurn))) || undefined,
      )
      const isComplete = ({ rows }: SinklessFeed): boolean => {
        const last = new Map(rows.map(({ key, value }) => [key, value]))
        return (
          last.size === count && [...last.values()].filter((value) => value.includes('"new"')).length === count / 1000
        )
      }
      for (const feed of feeds) {
        await until('all rows, and the changes', 120_000, () => isComplete(feed) || undefined)
        assert.deepEqual(feed.failures, [])
      }
    } finally {
      await Promise.all(feeds.map((feed) => feed[Symbol.asyncDispose]()))
    }
  },
)
