import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { poolQueries } from './pool-queries.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(() => server[Symbol.asyncDispose]())

test('what fails over a pool is said as an error of PostgreSQL, and whoever asked is told to try again', async () => {
  await using database = await server.database()
  const { host, port, socketDir, user } = database.source
  const pool = new pg.Pool({ host: socketDir ?? host, port, user, database: database.source.database })
  pool.on('error', () => undefined)
  const query = poolQueries(pool)
  const failure = (sql: string): Promise<FeedError> =>
    query(sql, []).then(
      () => assert.fail(`${sql} did not fail`),
      (error: FeedError) => error,
    )
  try {
    const ended = failure('SELECT pg_sleep(60)')
    await within(10_000, 'it runs', async () => {
      const sql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%sleep(60)%' AND pid <> pg_backend_pid()`
      return (await database.sql(sql)).length > 0
    })
    assert.deepEqual(facts(await ended), ['FEED_SOURCE_DOWN', '57P01', true])
    assert.deepEqual(facts(await failure('SELECT 1/0')), ['FEED_SOURCE_REFUSED', '22012', false])
    assert.deepEqual(await query('SELECT $1::text', ['x']), [['x']])
  } finally {
    await pool.end()
  }
  const nowhere = new pg.Pool({ host: '/nowhere', user: 'root' })
  const [error] = await Promise.allSettled([poolQueries(nowhere)('SELECT 1', [])])
  assert.ok(error.status === 'rejected')
  assert.deepEqual(facts(error.reason as FeedError), ['FEED_SOURCE_DOWN', '08006', true])
  await nowhere.end()
})

function facts({ code, sqlstate, hint }: FeedError): readonly unknown[] {
  return [code, sqlstate, hint?.startsWith('try again') ?? false]
}
