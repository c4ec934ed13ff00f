// The backfill of a large table by a job: what SHOW JOBS says of it, and PAUSE, RESUME, CANCEL and kill -9 in the middle.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { formatHlc, prevHlc } from '../../src/core/hlc.ts'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { endTogether, startTogether } from '../support/services.ts'
import { parseHlc } from '../support/parse-hlc.ts'
import { until } from '../support/until.ts'
import type { JobRow } from '../feed/test-job.ts'

const withinMs = 120_000
const rows = 300_000

let server: TestServer
let broker: KafkaBroker
before(async () => {
  if (skip !== false) return
  ;[server, broker] = await startTogether(TestServer.start(), KafkaBroker.start())
})
after(() => endTogether(server, broker))

/** A job over a table of many pages, whose scan is complete. */
async function openLarge(t: string): Promise<KafkaFeed> {
  await broker.createTopic(t)
  await server.sql(`CREATE TABLE ${t} (a INT PRIMARY KEY, b TEXT)`)
  await server.sql(`INSERT INTO ${t} SELECT i, repeat('x', 150) FROM generate_series(1, ${rows}) AS i`)
  // Small requests, so that a fast machine takes some seconds for the rows, too.
  const slowly = `kafka_sink_config = '{"Flush": {"MaxMessages": 100}}'`
  const options = `updated, resolved, min_checkpoint_frequency = '0s', ${slowly}`
  const statement = `CREATE CHANGEFEED FOR ${t} INTO 'kafka://${broker.bootstrap}' WITH ${options}`
  const feed = await KafkaFeed.open({ server, broker, topics: [t], statement })
  await until('the scan is complete', withinMs, async () => (feed.rows.length >= rows ? true : undefined))
  return feed
}

async function inTheMiddle(feed: KafkaFeed): Promise<JobRow> {
  const seen: string[] = []
  return until('it is in the middle', withinMs, async () => {
    const row = await feed.status()
    const done = row.fraction_completed ?? 0
    const text = `${row.status} ${row.running_status} ${row.fraction_completed}`
    if (text !== seen.at(-1)) seen.push(text)
    return row.running_status?.startsWith('running: backfilling') === true && done > 0 && done < 1 ? row : undefined
  }).catch((error: unknown) => {
    throw new Error(`the job was ${seen.slice(-10).join('; ')}`, { cause: error })
  })
}

test(
  'SHOW JOBS tells of a backfill, which goes on where it was after PAUSE and RESUME, and after kill -9',
  { skip, timeout: 600_000 },
  async () => {
    await using feed = await openLarge('large')
    await server.sql(`ALTER TABLE large ADD COLUMN c INT DEFAULT 7`)
    const first = await inTheMiddle(feed)
    await feed.job.pause()
    await feed.job.reaches('paused')
    const text = /^running: backfilling table "large" after the schema change at ([\d.]+)$/
    const at = text.exec(first.running_status ?? '')?.[1] ?? assert.fail(first.running_status ?? '')
    const before = formatHlc(prevHlc(parseHlc(at) ?? assert.fail(at)))
    assert.equal(first.high_water_timestamp, before)
    // Rows are changed, added and removed while it is paused.
    await server.sql('UPDATE large SET c = 8 WHERE a % 1000 = 0')
    await server.sql('DELETE FROM large WHERE a % 1000 = 1')
    await server.sql(`INSERT INTO large VALUES (${rows + 1}, 'new', 9)`)
    await feed.job.resume()
    // On a slow machine the rest may be done before the job is seen in the middle.
    const second = await until('it has gone on', withinMs, async () => {
      const row = await feed.status()
      const isReading = row.running_status?.startsWith('running: backfilling table') === true
      return isReading || row.high_water_timestamp !== before ? row : undefined
    })
    // The table has grown a little.
    assert.ok((second.fraction_completed ?? 1) >= (first.fraction_completed ?? 1) - 0.1)
    await server.kill()
    await server.restart()
    await until('the new row', withinMs, () => feed.rows.some(({ key }) => key === `[${rows + 1}]`) || undefined)
    await until('the high-water mark rises', withinMs, async () => {
      return (await feed.status()).running_status?.startsWith('running: resolved=') || undefined
    })
    await feed.drained()

    const repeated = feed.rows.filter(({ value }) => value.includes(`"updated": "${at}"`))
    for (const { value } of repeated) assert.match(value, /"c": 7\}/)
    const last = new Map(feed.rows.map(({ key, value }) => [key, value]))
    let withColumn = 0
    for (const value of last.values()) withColumn += value.includes('"c": ') || value.includes('"after": null') ? 1 : 0
    assert.equal(withColumn, rows + 1, 'every row is told with its new column')
    // What was finished when the job was paused is not read again, nor what was finished when it was killed.
    const most = rows * (1 + (1 - (first.fraction_completed ?? 0)) + (1 - (second.fraction_completed ?? 1)))
    assert.ok(repeated.length <= most, `${repeated.length} rows, at most ${most}`)
    // Nothing was resolved from the change on before its rows were there.
    assert.deepEqual(feed.failures, [])
  },
)

test('a job that is cancelled in the middle of a backfill ends', { skip, timeout: 600_000 }, async () => {
  await using feed = await openLarge('cancelled')
  await server.sql('ALTER TABLE cancelled ADD COLUMN c INT DEFAULT 7')
  await inTheMiddle(feed)
  await feed.job.cancel()
  await feed.job.reaches('canceled')
  // The table is free for the next change.
  await server.sql('ALTER TABLE cancelled ADD COLUMN d INT')
})
