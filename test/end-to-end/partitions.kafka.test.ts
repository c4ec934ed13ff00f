// The job of a partitioned table: ATTACH of a large partition, kill -9 in the middle of its scan, and all messages of a row in one
// partition of the topic.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { endTogether, startTogether } from '../support/services.ts'
import { until } from '../support/until.ts'

const withinMs = 120_000
/** With 700 bytes each they fill six ranges of pages, so that some are delivered while others are not. */
const rows = 60_000

let server: TestServer
let broker: KafkaBroker
before(async () => {
  if (skip !== false) return
  ;[server, broker] = await startTogether(TestServer.start(), KafkaBroker.start())
})
after(() => endTogether(server, broker))

test(
  'the scan of an attached partition goes on where it was after kill -9, and the key says the partition of the topic',
  { skip, timeout: 400_000 },
  async () => {
    await broker.createTopic('readings', 4)
    await server.sql(
      `CREATE TABLE readings (a INT, day INT, b TEXT, PRIMARY KEY (a, day)) PARTITION BY RANGE (day);
       CREATE TABLE readings_1 PARTITION OF readings FOR VALUES FROM (0) TO (10);
       CREATE TABLE readings_2 (b TEXT, day INT, a INT); INSERT INTO readings SELECT i, 1, 'x' FROM generate_series(1, 100) i;
       INSERT INTO readings_2 SELECT repeat('x', 700), 11, i FROM generate_series(1, ${rows}) AS i;
       ALTER TABLE readings_2 ADD PRIMARY KEY (a, day)`,
    )
    const slowly = `kafka_sink_config = '{"Flush": {"MaxMessages": 10}}'`
    const options = `updated, resolved, min_checkpoint_frequency = '0s', ${slowly}`
    const statement = `CREATE CHANGEFEED FOR readings INTO 'kafka://${broker.bootstrap}' WITH ${options}`
    await using feed = await KafkaFeed.open({ server, broker, topics: ['readings'], statement })
    await feed.row(100)
    await server.sql('ALTER TABLE readings ATTACH PARTITION readings_2 FOR VALUES FROM (10) TO (20)')
    await until('it is in the middle', withinMs, async () => {
      const { running_status: status, fraction_completed: done } = await feed.status()
      const isReading = status?.startsWith('running: backfilling table "readings" after the schema change') === true
      return isReading && (done ?? 0) > 0 ? true : undefined
    })
    await server.kill()
    await server.restart()
    await server.sql('UPDATE readings SET b = $$new$$ WHERE a <= 10')
    await until('all rows are read', withinMs, async () => {
      const found = new Set(feed.rows.flatMap(({ key }) => (key.endsWith(', 11]') ? [key] : [])))
      return found.size === rows ? true : undefined
    })
    await until('it follows', withinMs, async () =>
      (await feed.status()).running_status?.startsWith('running: resolved=') ? true : undefined,
    )
    await until('the changes are there', withinMs, async () =>
      feed.rows.filter(({ value }) => value.includes('"b": "new"')).length >= 20 ? true : undefined,
    )
    await feed.drained()
    const places = new Map<string, string>()
    for (const { key, partition } of feed.rows) {
      assert.equal(places.get(key) ?? partition, partition, key)
      places.set(key, partition)
    }
    assert.ok(new Set(places.values()).size > 1)
    const repeated = feed.rows.length - places.size - 20
    assert.ok(repeated < rows, `${repeated} messages came again`)
    assert.deepEqual(feed.failures, [])
  },
)
