// Two servers with a store each are attached to one PostgreSQL, and keep their jobs in one state.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { within } from '../support/until.ts'
import { TestServer } from './test-server.ts'

test('a second server with another store takes nothing from the first one, also while that is away', async () => {
  await using postgres = await PostgresServerUnderTest.start()
  await postgres.sql('CREATE DATABASE app')
  await postgres.sql('CREATE TABLE t (id int PRIMARY KEY)', 'app')
  const attached = {
    url: postgres.url('app'),
    user: 'postgres',
    database: 'app',
    password: postgres.password('postgres'),
  }
  await using first = await TestServer.start({ attached })
  await first.sql(`CREATE CHANGEFEED FOR t INTO 'null://' WITH resolved = '100ms', min_checkpoint_frequency = '100ms'`)
  const slots = (): Promise<unknown> => postgres.sql('SELECT slot_name FROM pg_replication_slots')
  const made = await slots()
  await first.kill()
  const second = await TestServer.start({ attached })
  try {
    await assert.rejects(second.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`), /made by a server with another store/)
    await assert.rejects(second.sql('UNWATCH DATABASE app'), /a changefeed needs tables of database "app"/)
    const says = async (): Promise<string> => String((await second.sql('SHOW JOBS'))[0]?.['running_status'])
    // The lease of the first one has to end.
    await within(60_000, 'the job of the first server to wait', async () =>
      (await says()).startsWith('waiting: a server with another store has made it'),
    )
    assert.deepEqual(await slots(), made)
    await first.restart()
    await within(30_000, 'the first server to run its job again, beside the second one', async () =>
      (await says()).startsWith('running: resolved='),
    )
  } finally {
    await second[Symbol.asyncDispose]()
  }
  assert.deepEqual(await slots(), made)
  await postgres.sql('INSERT INTO t VALUES (1)', 'app')
  const [job] = await first.sql('SHOW JOBS')
  assert.equal(job?.['status'], 'running')
})
