// What is not in the changelog any more must end the feeds that need it. It must never be passed over.

import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { serverOfTests } from '../support/servers/server-of-tests.ts'
import { until } from '../support/until.ts'

const withinMs = 30_000

async function statusOf(server: TestServer, id: string): Promise<{ status: string; error: string }> {
  const [row] = await server.sql(`SELECT status, error FROM [SHOW JOBS] WHERE job_id = ${id}`)
  return { status: String(row?.['status']), error: String(row?.['error']) }
}

test('jobs whose changelog was removed fail with the reason; a new one starts', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE foo (a INT PRIMARY KEY)')
  const create = async (): Promise<string> =>
    String((await server.sql(`CREATE CHANGEFEED FOR foo INTO 'null://' WITH resolved = '100ms'`))[0]?.['job_id'])
  const highWater = async (id: string): Promise<unknown> =>
    (await server.sql(`SELECT high_water_timestamp AS at FROM crdb_internal.jobs WHERE job_id = ${id}`))[0]?.['at']
  const running = await create()
  const paused = await create()
  for (const id of [running, paused])
    await until('its progress', withinMs, async () => ((await highWater(id)) == null ? undefined : true))
  await server.sql(`PAUSE JOB ${paused}`)
  await server.kill()
  const changelogs = join(server.storeDir, 'changelog')
  for (const name of readdirSync(changelogs)) rmSync(join(changelogs, name), { recursive: true })
  await server.restart()
  await server.sql('INSERT INTO foo VALUES (1)')
  // In somebody else's PostgreSQL the slot may be that of another server, so the operator has to say that it is not.
  if (serverOfTests.tag === 'theirs')
    await server.sql('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots')
  const next = await create()
  await until('the new job to run', withinMs, async () => ((await highWater(next)) == null ? undefined : true))
  await server.sql(`RESUME JOB ${paused}`)
  for (const id of [running, paused]) {
    const { error } = await until('the job to fail', withinMs, async () => {
      const seen = await statusOf(server, id)
      return seen.status === 'failed' ? seen : undefined
    })
    assert.match(error, /are not in the changelog any more: .* or somebody removed its files/)
  }
  assert.equal((await statusOf(server, next)).status, 'running')
})
