// What parameters of a connection string do to a session.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { openPool, poolQueries } from '../pool-queries.ts'
import { openRawConnection } from '../raw-connection.ts'
import { readServer } from './read-server.ts'

let server: PostgresServerUnderTest
before(async () => {
  server = await PostgresServerUnderTest.start({ version: 14 })
})
after(() => server?.[Symbol.asyncDispose]())

const shownSql = `SELECT current_setting('work_mem'), current_setting('application_name'), current_setting('DateStyle'),
  current_setting('IntervalStyle'), current_setting('search_path')`

test('options and names reach the session, of pools and walsenders, too, and what rows depend on stays ours', async () => {
  const text = `host=127.0.0.1 port=${server.port} user=postgres dbname=postgres options='-c work_mem=12MB' application_name=orders`
  const source = readServer(text, { PGDATESTYLE: 'German', PGTZ: 'Asia/Tokyo', PGCLIENTENCODING: 'LATIN1' })
  const wanted = (name: string): string[] => ['12MB', name, 'ISO, YMD', 'postgres', 'pg_catalog,pg_temp']
  for (const replication of [false, true]) {
    await using connection = await openRawConnection({ source, replication })
    assert.deepEqual(await connection.query(shownSql), [wanted('pg-changefeed orders')])
  }
  const pool = openPool(source, 1)
  try {
    assert.deepEqual(await poolQueries(pool)(shownSql, []), [wanted('pg-changefeed state orders')])
  } finally {
    await pool.end()
  }
})

test('load_balance_hosts=random tries the hosts in any order, and still all of them', async () => {
  const text = `host=127.0.0.1,127.0.0.1 port=1,${server.port} user=postgres dbname=postgres load_balance_hosts=random`
  for (let i = 0; i < 5; i++) {
    await using connection = await openRawConnection({ source: readServer(text, {}) })
    assert.deepEqual(await connection.query('SELECT 1'), [['1']])
  }
})
