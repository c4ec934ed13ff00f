// Two servers with a store each are attached to one PostgreSQL, and keep their jobs in one state.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
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
  await first.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`)
  const slots = (): Promise<unknown> => postgres.sql('SELECT slot_name FROM pg_replication_slots')
  const made = await slots()
  await first.kill()
  const second = await TestServer.start({ attached })
  try {
    await assert.rejects(second.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`), /made by a server with another store/)
    await assert.rejects(second.sql('UNWATCH DATABASE app'), /a changefeed needs tables of database "app"/)
  } finally {
    await second[Symbol.asyncDispose]()
  }
  assert.deepEqual(await slots(), made)
  await first.restart()
  await postgres.sql('INSERT INTO t VALUES (1)', 'app')
  const [job] = await first.sql('SHOW JOBS')
  assert.equal(job?.['status'], 'running')
})
