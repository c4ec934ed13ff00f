// The primary is lost and its standby promoted, while a changefeed runs on a server that knows both.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { TestServer } from './test-server.ts'

const withinMs = 60_000

test('a job goes on with the new primary, over its failover slot, and statements find it, too', async () => {
  await using state = await PostgresServerUnderTest.start()
  await using primary = await PostgresServerUnderTest.start({ version: 18, tls: true, auth: 'scram-sha-256' })
  await using standby = await primary.standby('standby', { sync_replication_slots: 'on' })
  await primary.sql('CREATE TABLE t (id int PRIMARY KEY)')
  await primary.sql(`ALTER SYSTEM SET synchronized_standby_slots = 'standby'`)
  await primary.sql('SELECT pg_reload_conf()')
  const { password } = primary.source()
  const hosts = [primary, standby].map(({ port }) => `127.0.0.1:${port}`)
  const url = primary.url().replace(hosts[0] ?? '', hosts.join(','))
  await using server = await TestServer.start({
    attached: {
      url: `${url}&target_session_attrs=read-write`,
      user: 'postgres',
      database: 'postgres',
      password: password?.tag === 'text' ? password.text : undefined,
      flags: [`--system-url=${state.url()}`],
    },
  })
  const [{ job_id: id } = {}] = await server.sql(
    `CREATE CHANGEFEED FOR t INTO 'null://' WITH resolved = '100ms', min_checkpoint_frequency = '100ms'`,
  )
  const highWater = async (): Promise<number> => {
    const [row] = await state.sql(`SELECT coalesce(high_water, 0) FROM changefeed_state.jobs WHERE job_id = ${id}`)
    return Number(row?.[0])
  }
  await until('it follows', withinMs, async () => (await highWater()) > 0 || undefined)
  await until('the standby has the slot', withinMs, async () => {
    const [slot] = await standby.sql(`SELECT FROM pg_replication_slots WHERE synced AND NOT temporary AND failover`)
    return slot !== undefined || undefined
  })
  await primary.stop('immediate')
  const reasons = new RegExp(`${hosts[0]}: nothing listens there .*; ${hosts[1]} with TLS: it is a standby, and target`)
  await until('/health says why neither will do', withinMs, async () => {
    const response = await fetch(`http://127.0.0.1:${server.httpPort}/health`)
    return reasons.test(await response.text()) || undefined
  })
  await standby.promote()
  const [lost] = await standby.sql('INSERT INTO t VALUES (1) RETURNING extract(epoch FROM clock_timestamp())')
  const writtenAt = Number(lost?.[0]) * 1e9
  await until('it has read what was written there', withinMs, async () => (await highWater()) > writtenAt || undefined)
  const [job] = await server.sql(`SHOW JOB ${id}`)
  assert.deepEqual([job?.['status'], job?.['error'] ?? ''], ['running', ''])
  assert.deepEqual(await server.sql('SELECT inet_server_port() AS port'), [{ port: standby.port }])
})
