// A broker that stands still: the job says what it waits for, and its scan does not keep vacuum from its work for as long.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { endTogether, startTogether } from '../support/services.ts'

const withinMs = 60_000
const rows = 60_000
let server: TestServer
let broker: KafkaBroker

before(async () => {
  if (skip !== false) return
  ;[server, broker] = await startTogether(TestServer.start(), KafkaBroker.start())
})
after(async () => {
  broker?.thaw()
  await endTogether(server, broker)
})

const status = async (id: string): Promise<string> => {
  const [row] = await server.sql(`SELECT coalesce(running_status, '') AS s FROM [SHOW JOBS] WHERE job_id = ${id}`)
  return String(row?.['s'])
}

const snapshots = async (condition: string): Promise<number> => {
  const [row] = await server.sql(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'pg-changefeed' AND backend_xmin IS NOT NULL AND ${condition}`,
  )
  return Number(row?.['n'])
}

test(
  'a scan whose broker stands still lets its snapshot go at the age of the setting, and loses nothing by it',
  { skip, timeout: 500_000 },
  async () => {
    await broker.createTopic('big')
    await server.sql('CREATE TABLE big (id INT PRIMARY KEY, v TEXT)')
    await server.sql(`INSERT INTO big SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, ${rows}) AS g`)
    await server.sql("SET CLUSTER SETTING changefeed.initial_scan.max_snapshot_age = '1s'")
    await server.sql("SET CLUSTER SETTING changefeed.max_retry_backoff = '1s'")
    const sink = `kafka_sink_config = '{"Retry": {"Max": "inf", "Backoff": "1s"}}'`
    const [created] = await server.sql(
      `CREATE CHANGEFEED FOR big INTO 'kafka://${broker.bootstrap}' WITH updated, resolved = '1s', min_checkpoint_frequency = '1s', ${sink}`,
    )
    const id = String(created?.['job_id'])
    const reading = `query LIKE 'COPY%big%' AND state = 'active'`
    await until('the scan reads', withinMs, async () => ((await snapshots(reading)) > 0 ? true : undefined))
    broker.freeze()
    await until('the job says what it waits for', withinMs, async () =>
      (await status(id)).startsWith('waiting for Kafka: ') ? true : undefined,
    )
    await until('nothing holds a snapshot', withinMs, async () => ((await snapshots('true')) === 0 ? true : undefined))
    await server.sql("UPDATE big SET v = 'new' WHERE id % 1000 = 0")
    await server.sql('DELETE FROM big WHERE id % 1000 = 1')
    broker.thaw()

    await using feed = KafkaFeed.of({ server, broker, topics: ['big'], jobId: id })
    await until('the job follows the log', 120_000, async () =>
      (await status(id)).startsWith('running: ') ? true : undefined,
    )
    const state = (): Map<string, string> => {
      const last = new Map<string, string>()
      for (const { key, value } of feed.rows) {
        const { after: row } = JSON.parse(String(value)) as { after: { v: string } | null }
        if (row === null) last.delete(String(key))
        else last.set(String(key), row.v.slice(0, 3))
      }
      return last
    }
    await until('the deletions are there', withinMs, () => (state().size === (rows / 1000) * 999 ? true : undefined))
    const changed = [...state()].filter(([, v]) => v === 'new')
    assert.equal(changed.length, rows / 1000)
    assert.deepEqual(feed.failures, [])
    await server.sql('RESET CLUSTER SETTING changefeed.initial_scan.max_snapshot_age')
  },
)

test('a job whose broker stood still before it began says that it waits', { skip, timeout: 300_000 }, async () => {
  await broker.createTopic('small')
  await server.sql('CREATE TABLE small (id INT PRIMARY KEY)')
  const [created] = await server.sql(
    `CREATE CHANGEFEED FOR small INTO 'kafka://${broker.bootstrap}' WITH min_checkpoint_frequency = '0s'`,
  )
  const id = String(created?.['job_id'])
  await server.sql(`PAUSE JOB ${id}`)
  broker.freeze()
  try {
    await server.sql(`RESUME JOB ${id}`)
    await until('the job says what it waits for', withinMs, async () =>
      (await status(id)).startsWith(`waiting for Kafka: ${broker.bootstrap} has not been ready since `)
        ? true
        : undefined,
    )
  } finally {
    broker.thaw()
  }
  await until('the job goes on', withinMs, async () => ((await status(id)).startsWith('running: ') ? true : undefined))
  await server.sql(`CANCEL JOB ${id}`)
})
