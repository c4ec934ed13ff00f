// What /_status/vars says of changefeeds, in all and by the scopes that their metrics_label gives.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const withinMs = 20_000
let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE TABLE rides (id INT PRIMARY KEY)')
  await server.sql('CREATE TABLE vehicles (id INT PRIMARY KEY)')
  await server.sql('INSERT INTO rides VALUES (1), (2)')
  await server.sql('INSERT INTO vehicles VALUES (1)')
})
after(() => server[Symbol.asyncDispose]())

/** The values of the series of one name, by their labels as they are printed. */
async function series(name: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
  const lines = text.matchAll(/^(changefeed_\w+)(?:\{(.*)\})? (\S+)$/gm)
  return new Map(
    [...lines].flatMap(([, found, labels = '', value]) => (found === name ? [[labels, Number(value)]] : [])),
  )
}

async function reads(name: string, wanted: Record<string, number>): Promise<void> {
  let last: ReadonlyMap<string, number> = new Map()
  await until(`${name} is ${JSON.stringify(wanted)}`, withinMs, async () => {
    last = await series(name)
    return Object.entries(wanted).every(([labels, value]) => last.get(labels) === value) ? true : undefined
  }).catch((error: unknown) => {
    throw new Error(`${name} is ${JSON.stringify([...last])}`, { cause: error })
  })
}

async function create(table: string, label: string, notices?: string[]): Promise<string> {
  const client = await server.connect()
  client.on('notice', ({ message }) => notices?.push(message ?? ''))
  try {
    const { rows } = await client.query<{ job_id: string }>(
      `CREATE CHANGEFEED FOR ${table} INTO 'null://' WITH min_checkpoint_frequency = '1s', metrics_label = '${label}'`,
    )
    return rows[0]?.job_id ?? ''
  } finally {
    await client.end()
  }
}

test('while scopes are not shown the statement says so, and there are only totals', async () => {
  const notices: string[] = []
  const id = await create('rides', 'early', notices)
  assert.equal(notices.length, 1)
  assert.match(notices[0] ?? '', /^server.child_metrics.enabled is off: .*'early'/)
  await reads('changefeed_running', { '': 1 })
  assert.deepEqual([...(await series('changefeed_running')).keys()], [''])
  await server.sql(`CANCEL JOB ${id}`)
  await reads('changefeed_running', { '': 0 })
})

test('jobs and changefeeds without sink are counted in their scopes, in the default one and in all', async () => {
  await server.sql('SET CLUSTER SETTING server.child_metrics.enabled = true')
  const notices: string[] = []
  const rides = await create('rides', ' Rides ', notices)
  const vehicles = await create('vehicles', 'vehicles', notices)
  assert.deepEqual(notices, [])
  await using unlabelled = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR vehicles')
  await unlabelled.row(1)
  await reads('changefeed_running', { '': 3, 'scope="rides"': 1, 'scope="vehicles"': 1, 'scope="default"': 1 })
  const messages = { 'scope="rides",message_type="row"': 2, 'scope="vehicles",message_type="row"': 1 }
  await reads('changefeed_emitted_messages', messages)
  const checkpoint = await until('both jobs have saved', withinMs, async () => {
    const all = await series('changefeed_checkpoint_progress')
    const [a = 0, b = 0] = ['scope="rides"', 'scope="vehicles"'].map((labels) => all.get(labels))
    return a > 0 && b > 0 ? { all, least: Math.min(a, b) } : undefined
  })
  assert.equal(checkpoint.all.get(''), checkpoint.least)
  assert.equal(checkpoint.all.get('scope="default"'), 0)
  const behind = await series('changefeed_max_behind_nanos')
  assert.ok((behind.get('scope="rides"') ?? 0) > 0)
  const flushes = await series('changefeed_flushes')
  assert.ok((flushes.get('scope="rides"') ?? 0) > 0)
  assert.ok((flushes.get('') ?? 0) >= (flushes.get('scope="rides"') ?? 0) + (flushes.get('scope="vehicles"') ?? 0))

  // What fails is counted where it ran; what it emitted stays counted.
  const failuresBefore = (await series('changefeed_failures')).get('') ?? 0
  await server.sql('TRUNCATE rides')
  await until('the job has failed', withinMs, async () => {
    const [row] = await server.sql(`SELECT status FROM crdb_internal.jobs WHERE job_id = ${rides}`)
    return row?.['status'] === 'failed' ? true : undefined
  })
  await reads('changefeed_failures', { '': failuresBefore + 1, 'scope="rides"': 1, 'scope="vehicles"': 0 })
  await reads('changefeed_running', { 'scope="rides"': 0 })
  await reads('changefeed_emitted_messages', messages)

  await server.sql('SET CLUSTER SETTING server.child_metrics.include_aggregate.enabled = false')
  assert.equal((await series('changefeed_running')).has(''), false)
  await server.sql('RESET CLUSTER SETTING server.child_metrics.include_aggregate.enabled')
  await server.sql(`CANCEL JOB ${vehicles}`)
})

test('a job that is tried again is counted in its scope', async () => {
  await server.sql('CREATE DATABASE closed')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)', 'closed')
  const id = await create('closed.t', 'again')
  await until('it runs', withinMs, async () =>
    ((await series('changefeed_checkpoint_progress')).get('scope="again"') ?? 0) > 0 ? true : undefined,
  )
  await reads('changefeed_error_retries', { 'scope="again"': 0 })
  await server.sql(`PAUSE JOB ${id}`)
  // Nobody can connect to it, so a feed cannot start.
  await server.sql('ALTER DATABASE closed ALLOW_CONNECTIONS false')
  await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'closed'`)
  await server.sql(`RESUME JOB ${id}`)
  await until('it is tried again', withinMs, async () =>
    ((await series('changefeed_error_retries')).get('scope="again"') ?? 0) > 0 ? true : undefined,
  )
  assert.equal((await series('changefeed_error_retries')).get('scope="rides"'), 0)
  await server.sql('ALTER DATABASE closed ALLOW_CONNECTIONS true')
  await server.sql(`CANCEL JOB ${id}`)
})

test('a changefeed that reads all rows of a table is counted until it has emitted them', async () => {
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR vehicles')
  await feed.row(1)
  await reads('changefeed_backfill_count', { '': 0 })
  const writer = await server.connect()
  try {
    // The rows are read when all transactions have ended that have written before.
    await writer.query('BEGIN; INSERT INTO rides VALUES (100)')
    await server.sql('ALTER TABLE vehicles ADD COLUMN wheels INT DEFAULT 4')
    await reads('changefeed_backfill_count', { '': 1 })
  } finally {
    await writer.query('ROLLBACK')
    await writer.end()
  }
  await feed.row(2)
  await reads('changefeed_backfill_count', { '': 0 })
  await reads('changefeed_backfill_pending_ranges', { '': 0 })
})
