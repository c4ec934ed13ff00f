// What a server does beside changefeeds: metrics, health, settings, and the words of CockroachDB.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

test('metrics count the changefeeds of a metrics_label under their scope, also when they are over', async () => {
  await server.sql('SET CLUSTER SETTING server.child_metrics.enabled = true')
  const t = 't1'
  await server.sql(`CREATE TABLE ${t} (a INT PRIMARY KEY); INSERT INTO ${t} VALUES (1), (2)`)
  const counted = (): Promise<true> =>
    until('the two rows are counted', 5000, async () => {
      const text = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
      return /^changefeed_emitted_messages\{(?=.*scope="scope_b")(?=.*message_type="row").*\} 2$/m.test(text)
        ? true
        : undefined
    })
  {
    await using feed = await SinklessFeed.open(
      server,
      `EXPERIMENTAL CHANGEFEED FOR ${t} WITH metrics_label = ' Scope_B '`,
    )
    await feed.row(2)
    await counted()
  }
  await counted()
  await server.sql('RESET CLUSTER SETTING server.child_metrics.enabled')
})

test('settings are stored, shown, checked', async () => {
  await server.sql("SET CLUSTER SETTING kv.closed_timestamp.target_duration = '200ms'")
  assert.deepEqual(await server.sql('SHOW CLUSTER SETTING kv.closed_timestamp.target_duration'), [
    { 'kv.closed_timestamp.target_duration': '200ms' },
  ])
  await server.sql('RESET CLUSTER SETTING kv.closed_timestamp.target_duration')
  await assert.rejects(server.sql("SET CLUSTER SETTING kv.rangefeed.enabled = 'perhaps'"), /kv\.rangefeed\.enabled/)
  await assert.rejects(server.sql('SET CLUSTER SETTING kv.rangefed.enabled = true'), /unknown cluster setting/)
  await server.sql('SET CLUSTER SETTING kv.rangefeed.enabled = false')
  try {
    await assert.rejects(
      server.sql('EXPERIMENTAL CHANGEFEED FOR t1'),
      /rangefeeds require the kv\.rangefeed\.enabled setting/,
    )
  } finally {
    await server.sql('SET CLUSTER SETTING kv.rangefeed.enabled = true')
  }
})

test("CockroachDB's words work: STRING, BYTES, a rowid key, UPSERT, SET DATABASE", async () => {
  await server.sql('CREATE DATABASE cdc_demo')
  const client = await server.connect()
  try {
    await client.query('SET DATABASE = cdc_demo')
    assert.equal((await client.query('SELECT current_database() AS d')).rows[0].d, 'cdc_demo')
    await client.query('CREATE TABLE employees (dog_id INT, employee_name STRING, photo BYTES)')
    await client.query("INSERT INTO employees VALUES (1, 'Lauren', '\\x00ff')")
    await client.query('CREATE TABLE foo (a INT PRIMARY KEY, b STRING)')
    await client.query("UPSERT INTO foo VALUES (1, 'x'), (2, 'y')")
    await client.query('UPSERT INTO foo (a, b) VALUES ($1, $2)', [1, 'z'])
    assert.deepEqual((await client.query('SELECT a, b FROM foo ORDER BY a')).rows, [
      { a: '1', b: 'z' },
      { a: '2', b: 'y' },
    ])
  } finally {
    await client.end()
  }
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR employees', { database: 'cdc_demo' })
  await feed.row(1)
  assert.match(
    feed.texts[0] ?? '',
    /^employees: \[\d{15,}\]->\{"after": \{"dog_id": 1, "employee_name": "Lauren", "photo": "\\\\x00ff", "rowid": \d{15,}\}\}$/,
  )
})

test('health and metrics answer over HTTP', async () => {
  const base = `http://127.0.0.1:${server.httpPort}`
  assert.equal((await fetch(`${base}/health?ready=1`)).status, 200)
  const text = await (await fetch(`${base}/_status/vars`)).text()
  for (const name of ['changefeed_running', 'changefeed_changelog_bytes', 'changefeed_slot_lag_bytes'])
    assert.ok(text.includes(name))
  assert.equal((await fetch(`${base}/nothing`)).status, 404)
})
