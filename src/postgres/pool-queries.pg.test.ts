import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { openPool, poolQueries } from './pool-queries.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(() => server[Symbol.asyncDispose]())

test('what fails over a pool is said as an error of PostgreSQL, and whoever asked is told to try again', async () => {
  await using database = await server.database()
  const pool = openPool(database.source, 2)
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
  const nowhere = openPool({ ...database.source, host: '/nowhere', socketDir: '/nowhere' }, 1)
  const [error] = await Promise.allSettled([poolQueries(nowhere)('SELECT 1', [])])
  assert.ok(error.status === 'rejected')
  assert.deepEqual(facts(error.reason as FeedError), ['FEED_SOURCE_DOWN', '08006', true])
  await nowhere.end()
})

function facts({ code, sqlstate, hint }: FeedError): readonly unknown[] {
  return [code, sqlstate, hint?.startsWith('try again') ?? false]
}
