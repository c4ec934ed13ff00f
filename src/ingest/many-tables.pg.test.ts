// What many watched tables may cost: nothing that everybody's DDL or the periodic check does grows with their number.
// Counted in what PostgreSQL touches, not in time.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { unseen } from '../../test/support/unseen.ts'
import { needsVersion } from '../../test/support/servers/server-of-tests.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { call } from '../source-schema/call.ts'
import { watchTables } from './watch.ts'

const count = 400

let server: TestPostgres
let db: TestDatabase
before(async () => {
  server = await TestPostgres.start()
  db = await server.database()
  await db.sql('CREATE TYPE made AS (a int)')
  await db.sql(
    `DO $$ BEGIN FOR i IN 1..${count} LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, n int)', i); END LOOP; END $$`,
  )
  await db.sql('CREATE TABLE typed (id int PRIMARY KEY, m made)')
  const rows = await db.sql(`SELECT oid::text FROM pg_class WHERE relname ~ '^(t\\d+|typed)$' AND relkind = 'r'`)
  await watchTables(
    db.source,
    rows.map(([oid]) => ({ relid: Number(oid) })),
  )
  await db.sql('ANALYZE changefeed.watched')
})
after(async () => {
  await db[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

/** Rows of the list of watched tables that `sql` reads one by one, and calls of the function that describes a table. */
async function touched(connection: RawConnection, sql: string): Promise<{ scanned: number; described: number }> {
  const counts = async (): Promise<number[]> => {
    await connection.query('SELECT pg_stat_force_next_flush()')
    const [row] = await connection.query(
      `SELECT (pg_stat_get_tuples_returned('changefeed.watched'::regclass))::text, coalesce((SELECT calls FROM pg_stat_user_functions WHERE schemaname = 'changefeed' AND funcname = 'describe'), 0)::text`,
    )
    return (row ?? []).map(Number)
  }
  const before = await counts()
  await connection.query(sql)
  const after = await counts()
  return { scanned: (after[0] ?? 0) - (before[0] ?? 0), described: (after[1] ?? 0) - (before[1] ?? 0) }
}

test(
  'a DDL reads as many watched tables as it concerns, however many there are',
  { skip: needsVersion(15) },
  async () => {
    const connection = await db.connect()
    await connection.query(`SET track_functions = 'all'`)
    for (const sql of [
      'CREATE TABLE other (id int PRIMARY KEY, n int)',
      'ALTER TABLE other ADD COLUMN v text',
      'ALTER TABLE other ALTER n TYPE bigint',
      'CREATE INDEX ON other (n)',
      'CREATE SCHEMA s',
      'ALTER SCHEMA s RENAME TO r',
      'CREATE TYPE elsewhere AS (a int)',
      'ALTER TYPE elsewhere ADD ATTRIBUTE b int',
      'DROP TABLE other',
      'DROP TYPE elsewhere',
    ]) {
      const { described } = await touched(connection, sql)
      assert.equal(described, 0, sql)
    }
    for (const sql of ['ALTER TABLE t7 ADD COLUMN v int', 'ALTER TYPE made ADD ATTRIBUTE b int']) {
      const { scanned, described } = await touched(connection, sql)
      assert.ok(described > 0 && described <= 4, `${sql} describes ${described} tables`)
      assert.ok(scanned < 40, `${sql} reads ${scanned} rows of ${count}`)
    }
    for (const sql of ['CREATE TABLE other (id int PRIMARY KEY, n int)', 'ALTER TABLE other ADD COLUMN v text'])
      assert.ok((await touched(connection, sql)).scanned < 10, sql)
    await connection.close()
  },
)

test(
  'the periodic look describes a bounded number of tables, and comes to every one of them',
  { skip: needsVersion(15) },
  async () => {
    const connection = await db.connect()
    await connection.query(`SET track_functions = 'all'`)
    // Behind the back of the event triggers.
    await connection.query(unseen(`ALTER TABLE t1 ADD COLUMN unseen int; ALTER TABLE t${count} ADD COLUMN unseen int`))
    const changed = await connection.query(`SELECT unnest(ARRAY['t1', 't${count}']::regclass[])::oid`)
    const told = changed.map(([relid]) => Number(relid))
    let next = 0
    let looks = 0
    do {
      const lookSql = `SELECT FROM ${call('look', { after: next, most: 100, told })}`
      const { described } = await touched(connection, lookSql)
      // One is described anew once more when it is found changed.
      assert.ok(described <= 103, `${described} tables are described at once`)
      const [row] = await connection.query(
        `SELECT coalesce((SELECT relid FROM changefeed.watched WHERE relid > ${next} ORDER BY relid OFFSET 99 LIMIT 1), 0)::text`,
      )
      next = Number(row?.[0])
      looks += 1
    } while (next !== 0)
    assert.equal(looks, Math.ceil((count + 1) / 100))
    assert.deepEqual(
      await connection.query('SELECT FROM changefeed.watched WHERE changefeed.describe(relid) <> description'),
      [],
    )
    await connection.close()
  },
)

test('tables are taken in batches: the publication is changed once for many', async () => {
  const [row] = await db.sql(
    `SELECT count(DISTINCT xmin::text)::text FROM pg_publication_rel WHERE prrelid IN (SELECT relid FROM changefeed.watched)`,
  )
  assert.ok(Number(row?.[0]) <= Math.ceil((count + 1) / 32), `${row?.[0]} transactions for ${count} tables`)
})
