// Thousands of tables in one publication: what is asked of them every few seconds, and by a changefeed of all of them, is quick.

import assert from 'node:assert/strict'
import test from 'node:test'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { openRawConnection } from '../../postgres/raw-connection.ts'
import { readPrepared } from './prepared-facts.ts'

const count = 2000

test('thousands of prepared tables are looked at in one quick query, all of them or by their names', async () => {
  await using server = await PostgresServerUnderTest.start({ settings: { max_locks_per_transaction: '1024' } })
  await server.sql(`CREATE PUBLICATION pg_changefeed;
    DO $$ BEGIN FOR i IN 1..${count} LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY)', i); EXECUTE format('ALTER PUBLICATION pg_changefeed ADD TABLE t%s', i); END LOOP; END $$;
    CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE leaf PARTITION OF root DEFAULT; ALTER PUBLICATION pg_changefeed ADD TABLE root`)
  await using connection = await openRawConnection({ source: server.source() })
  // Joined row by row these would take minutes.
  await connection.query(`SET statement_timeout = '20s'`)
  const { members } = await readPrepared(connection)
  assert.equal(members.length, count + 1)
  const leaf = Number((await server.sql(`SELECT 'leaf'::regclass::oid`))[0]?.[0])
  const named = await readPrepared(connection, [leaf, ...members.map(({ relid }) => relid)])
  assert.equal(named.members.length, count + 2)
  const root = members.find(({ name }) => name === 'public.root')
  assert.equal(named.members.find(({ relid }) => relid === leaf)?.id, root?.id)
})
