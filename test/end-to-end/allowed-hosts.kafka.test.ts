import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { endTogether, startTogether } from '../support/services.ts'

let server: TestServer
let broker: KafkaBroker

before(async () => {
  if (skip !== false) return
  ;[server, broker] = await startTogether(TestServer.start(), KafkaBroker.start())
})
after(async () => {
  await endTogether(server, broker)
})

test('a sink reaches only allowed machines, whichever a broker names', { skip }, async () => {
  await broker.createTopic('t')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)')
  await server.sql("SET CLUSTER SETTING changefeed.sink.allowed_hosts = 'localhost'")
  const into = (host: string): string => `CREATE CHANGEFEED FOR t INTO 'kafka://${host}:${broker.port}'`
  await assert.rejects(server.sql(into('127.0.0.1')), /^error: sinks may not reach 127.0.0.1:\d+$/)
  // The broker calls itself 127.0.0.1.
  await assert.rejects(server.sql(into('localhost')), (error: Error & { readonly hint?: string }) => {
    assert.match(error.message, /Kafka names a broker at 127.0.0.1:\d+, which sinks may not reach/)
    assert.equal(error.hint, 'the cluster setting changefeed.sink.allowed_hosts lists what they may reach')
    return true
  })
  await server.sql("SET CLUSTER SETTING changefeed.sink.allowed_hosts = '127.0.0.1, localhost'")
  const [row] = await server.sql(into('localhost'))
  const id = String(row?.['job_id'])

  await server.sql(`PAUSE JOB ${id}`)
  await server.sql("SET CLUSTER SETTING changefeed.sink.allowed_hosts = 'elsewhere'")
  await server.sql(`RESUME JOB ${id}`)
  await until('its next start is refused', 20_000, async () => {
    const [job] = await server.sql(`SELECT status, error FROM crdb_internal.jobs WHERE job_id = ${id}`)
    if (job?.['status'] !== 'paused') return undefined
    assert.match(String(job['error']), /^sinks may not reach localhost:\d+$/)
    return true
  })
  await server.sql(`CANCEL JOB ${id}`)
})
