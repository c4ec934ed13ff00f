import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestJob } from '../../../test/feed/test-job.ts'
import { TestServer } from '../../../test/server/test-server.ts'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../../../test/services/kafka/require-kafka.ts'
import { TopicReader, type TopicMessage } from '../../../test/services/kafka/topic-reader.ts'
import { endTogether, startTogether } from '../../../test/support/services.ts'

let server: TestServer
let broker: KafkaBroker

before(async () => {
  if (skip !== false) return
  ;[server, broker] = await startTogether(TestServer.start(), KafkaBroker.start())
})
after(async () => {
  await endTogether(server, broker)
})

test(
  'the rows of a table are spread over the partitions of its topic, as messages without a key',
  { skip },
  async () => {
    const count = 1000
    await broker.createTopic('wide', 4)
    await server.sql(
      `CREATE TABLE wide (a INT8 PRIMARY KEY, b STRING); INSERT INTO wide SELECT i, 'row ' || i FROM generate_series(1, ${count}) AS i`,
    )
    const [created] = await server.sql(
      `CREATE CHANGEFEED FOR wide INTO 'kafka://${broker.bootstrap}' WITH format = csv, initial_scan = 'only'`,
    )
    await new TestJob(server, String(created?.['job_id'])).reaches('succeeded')
    const messages: TopicMessage[] = []
    await using reader = new TopicReader(broker.bootstrap, ['wide'], (message) => messages.push(message))
    await reader.drained(30_000)
    assert.deepEqual(
      messages.map(({ value }) => String(value)).sort(),
      Array.from({ length: count }, (_, i) => `${i + 1},row ${i + 1}`).sort(),
    )
    for (const { key } of messages) assert.equal(key, null)
    const perPartition = [...Map.groupBy(messages, ({ partition }) => partition).values()].map(({ length }) => length)
    assert.deepEqual(perPartition, Array<number>(4).fill(count / 4))
  },
)

test('a job into a compacted topic, which takes no messages without a key, shows why it waits', { skip }, async () => {
  await broker.createTopic('compacted', 1, { 'cleanup.policy': 'compact' })
  await server.sql('CREATE TABLE compacted (a INT8 PRIMARY KEY); INSERT INTO compacted VALUES (1)')
  const [created] = await server.sql(
    `CREATE CHANGEFEED FOR compacted INTO 'kafka://${broker.bootstrap}' WITH format = csv, initial_scan = 'only'`,
  )
  const job = new TestJob(server, String(created?.['job_id']))
  const says = 'Compacted topic cannot accept message without key'
  await job.until('running_status has the error of the broker', (row) => row.running_status?.includes(says) === true)
  await broker.setTopic('compacted', 'cleanup.policy', 'delete')
  await job.reaches('succeeded')
})
