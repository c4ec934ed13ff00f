// What /_status/vars says of single jobs, of times and sizes, and when it counts; and the points that are kept of it.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { TestServer } from '../server/test-server.ts'
import { standsStill, until } from '../support/until.ts'

const withinMs = 30_000
let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1), (2)')
})
after(() => server[Symbol.asyncDispose]())

async function page(query = ''): Promise<string> {
  return (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars${query}`)).text()
}

/** The value of the series with these labels, as they are printed. */
async function value(name: string, labels = ''): Promise<number | undefined> {
  const start = `${name}${labels === '' ? '' : `{${labels}}`} `
  const line = (await page()).split('\n').find((one) => one.startsWith(start))
  return line === undefined ? undefined : Number(line.slice(start.length))
}

async function create(sql: string): Promise<string> {
  const [row] = await server.sql(sql)
  return String(row?.['job_id'])
}

async function statusIs(id: string, status: string): Promise<void> {
  await until(`job ${id} is ${status}`, withinMs, async () => {
    const [row] = await server.sql(`SELECT status FROM crdb_internal.jobs WHERE job_id = ${id}`)
    return row?.['status'] === status ? true : undefined
  })
}

test('the lag of a job grows while it is paused, in its scope, and vanishes with its end', async () => {
  const id = await create(
    `CREATE CHANGEFEED FOR t INTO 'null://' WITH min_checkpoint_frequency = '100ms', metrics_label = ' Scope_B '`,
  )
  const lag = (): Promise<number | undefined> => value('changefeed_checkpoint_lag', `job_id="${id}",scope="scope_b"`)
  await until(
    'the job has a lag of seconds only',
    withinMs,
    async () => ((await lag()) ?? Infinity) < 20e9 || undefined,
  )
  assert.equal(await value('jobs_changefeed_currently_paused'), 0)
  await server.sql(`PAUSE JOB ${id}`)
  await statusIs(id, 'paused')
  await until(
    'it is counted',
    withinMs,
    async () => (await value('jobs_changefeed_currently_paused')) === 1 || undefined,
  )
  const before = (await lag()) ?? 0
  // How much the lag grows is what is tested.
  await delay(1500)
  const grown = ((await lag()) ?? 0) - before
  assert.ok(grown >= 1.4e9 && grown < 60e9, String(grown))
  assert.ok(((await value('changefeed_table_lag', 'database="defaultdb",table="defaultdb.public.t"')) ?? 0) > before)
  assert.ok(((await value('jobs_changefeed_protected_age_sec')) ?? 0) >= 1)
  assert.equal(await value('jobs_changefeed_protected_record_count'), 1)
  await server.sql(`CANCEL JOB ${id}`)
  await until('nothing is said of it', withinMs, async () => !(await page()).includes(id) || undefined)
  assert.equal(await value('jobs_changefeed_fail_or_cancel_completed'), 1)
})

test('a job that ends has no lag any more', async () => {
  const id = await create(`CREATE CHANGEFEED FOR t INTO 'null://' WITH initial_scan = 'only'`)
  await statusIs(id, 'succeeded')
  await until('nothing is said of it', withinMs, async () => !(await page()).includes(id) || undefined)
  assert.equal(await value('jobs_changefeed_resume_completed'), 1)
})

test('changes are measured from their commit, and rows of a scan are not', async () => {
  const before = (await value('changefeed_commit_latency_count')) ?? 0
  const id = await create(`CREATE CHANGEFEED FOR t INTO 'null://' WITH min_checkpoint_frequency = '100ms'`)
  await until('the scan is over', withinMs, async () => {
    return ((await value('changefeed_checkpoint_progress')) ?? 0) > 0 || undefined
  })
  assert.equal((await value('changefeed_commit_latency_count')) ?? 0, before)
  const messages = (): Promise<number | undefined> => value('changefeed_sink_messages', 'sink="null"')
  const scanned = (await messages()) ?? 0
  await server.sql('INSERT INTO t VALUES (100)')
  await until('the row is counted', withinMs, async () => (await messages()) === scanned + 1 || undefined)
  await until('its time is', withinMs, async () => {
    return ((await value('changefeed_commit_latency_count')) ?? 0) === before + 1 || undefined
  })
  for (const name of [
    'changefeed_admit_latency',
    'changefeed_stage_encode_latency',
    'changefeed_stage_emit_row_latency',
    'changefeed_sink_batch_hist_nanos',
    'changefeed_flush_hist_nanos',
    'changefeed_checkpoint_hist_nanos',
    'changefeed_stage_checkpoint_job_progress_latency',
    'changefeed_message_size_hist',
    'changefeed_emitted_batch_sizes',
  ])
    assert.ok(((await value(`${name}_count`)) ?? 0) > 0, name)
  for (const name of [
    'changefeed_changelog_sync_nanos',
    'changefeed_changelog_append_nanos',
    'changefeed_changelog_durable_latency',
  ])
    assert.ok(((await value(`${name}_count`, 'database="defaultdb"')) ?? 0) > 0, name)
  assert.ok(((await value('changefeed_changelog_age_seconds', 'database="defaultdb"')) ?? 0) > 0)
  await server.sql(`CANCEL JOB ${id}`)
})

test('messages of a changefeed without sink are counted when the client takes them', async () => {
  const rows = 200_000
  await server.sql(
    `CREATE TABLE many (id INT PRIMARY KEY, pad TEXT); INSERT INTO many SELECT i, repeat('x', 200) FROM generate_series(1, ${rows}) i`,
  )
  const counted = async (): Promise<number> => (await value('changefeed_emitted_messages', 'message_type="row"')) ?? 0
  const before = await counted()
  const client = await server.connect()
  const { stream } = (client as unknown as { connection: { stream: { pause(): void; resume(): void } } }).connection
  let got = 0
  const query = new pg.Query({ text: 'EXPERIMENTAL CHANGEFEED FOR many', values: [] })
  query.on('row', () => got++)
  query.on('error', () => undefined)
  client.on('error', () => undefined)
  try {
    client.query(query)
    stream.pause()
    await until('some rows are on their way', withinMs, async () => (await counted()) > before || undefined)
    const still = (await standsStill(counted, 1500)) - before
    assert.ok(still > 0 && still < rows, String(still))
    stream.resume()
    await until('all rows are taken', withinMs, async () => (await counted()) === before + rows || undefined)
    await until('the client has them', withinMs, () => got === rows || undefined)
  } finally {
    await client.end()
  }
})

test('a page shows what its visibility says, as the setting does, and /metrics is the same page', async () => {
  const names = async (query: string): Promise<number> => ((await page(query)).match(/^# TYPE/gm) ?? []).length
  const [all, support, essential] = [
    await names('?visibility=all'),
    await names('?visibility=support'),
    await names('?visibility=essential'),
  ]
  assert.ok(all > support && support > essential && essential > 10)
  assert.equal(await names(''), all)
  await server.sql(`SET CLUSTER SETTING obs.metrics_scrape.default_visibility = 'essential'`)
  assert.equal(await names(''), essential)
  await assert.rejects(server.sql(`SET CLUSTER SETTING obs.metrics_scrape.default_visibility = 'nope'`))
  await server.sql('RESET CLUSTER SETTING obs.metrics_scrape.default_visibility')
  assert.equal((await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars?visibility=nope`)).status, 400)
  const other = await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text()
  assert.equal((other.match(/^# TYPE/gm) ?? []).length, all)
})

interface SeriesPage {
  readonly answers: readonly { readonly series: readonly { readonly values: readonly (number | null)[] }[] }[]
}

test('points are kept every ten seconds, and are there after a kill', async () => {
  const points = async (name: string): Promise<readonly number[]> => {
    const query = `name=${name}&from=${Date.now() - 300_000}&to=${Date.now() + 10_000}&aggregate=max`
    const response = await fetch(`http://127.0.0.1:${server.httpPort}/api/v1/series?${query}`)
    const { answers } = (await response.json()) as SeriesPage
    return (answers[0]?.series[0]?.values ?? []).filter((one) => one !== null)
  }
  const kept = await until('there are two points', 40_000, async () => {
    const found = await points('changefeed.emitted_bytes')
    return found.length >= 2 ? found : undefined
  })
  await server.kill()
  await server.restart()
  const after = await points('changefeed.emitted_bytes')
  assert.deepEqual(after.slice(0, kept.length), kept)
  assert.ok((await points('changefeed.slot_lag_bytes')).length > 0)
})
