// PgBouncer between us and PostgreSQL, in both of its modes.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { hasPgBouncer, PgBouncer, type PgBouncerOptions } from '../../test/support/servers/pgbouncer.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { openPool, poolQueries } from './pool-queries.ts'
import { openRawConnection } from './raw-connection.ts'
import { rowTextParameters } from './source-connection.ts'

const skip = hasPgBouncer ? false : 'PgBouncer is not installed'
let server: PostgresServerUnderTest
before(async () => {
  if (hasPgBouncer) server = await PostgresServerUnderTest.start()
})
after(() => server?.[Symbol.asyncDispose]())

/** What it takes to be let in at all. */
const ignored = [...Object.keys(rowTextParameters), 'options']

async function failure(options: PgBouncerOptions, replication = false): Promise<FeedError | undefined> {
  await using bouncer = await PgBouncer.start(server.source(), options)
  try {
    await using connection = await openRawConnection({ source: bouncer.source(), replication })
    const [row] = await connection.query(`SELECT current_setting('IntervalStyle'), current_setting('search_path')`)
    assert.deepEqual(row, ['postgres', 'pg_catalog,pg_temp'])
    return undefined
  } catch (error) {
    return error as FeedError
  }
}

test('as it is installed, it is named, with the way around it', { skip }, async () => {
  for (const mode of ['session', 'transaction'] as const) {
    const error = await failure({ mode })
    assert.equal(error?.code, 'FEED_SOURCE_REFUSED')
    assert.match(
      error?.message ?? '',
      /^a connection pooler answers in place of PostgreSQL \(unsupported startup parameter: /,
    )
    assert.match(error?.hint ?? '', /the host and the port of PostgreSQL itself/)
  }
})

test('a pool, and a connection for replication, say the same', { skip }, async () => {
  await using bouncer = await PgBouncer.start(server.source(), { mode: 'transaction' })
  const pool = openPool(bouncer.source(), 1)
  await assert.rejects(
    poolQueries(pool)('SELECT 1', []),
    /^FeedError: a connection pooler answers in place of PostgreSQL/,
  )
  await pool.end()
  assert.match((await failure({ mode: 'session', ignored }, true))?.message ?? '', /^a connection pooler/)
})

test('one that takes every parameter is recognised by sessions that are shared', { skip }, async () => {
  await server.sql("ALTER ROLE postgres SET IntervalStyle = 'iso_8601'")
  const error = await failure({ mode: 'transaction', ignored })
  assert.match(error?.message ?? '', /^a connection pooler answers in place of PostgreSQL \(sessions are shared\)/)
  // With sessions of our own, everything is set again that it has kept for itself.
  assert.equal(await failure({ mode: 'session', ignored }), undefined)
})
