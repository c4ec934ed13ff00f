import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { TestPostgres } from '../../../test/support/postgres-under-test.ts'
import { RepeatedStatements } from './repeated-statements.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(() => server[Symbol.asyncDispose]())

test('a statement that comes a second time is prepared, and sees what was committed since', async () => {
  await using database = await server.database()
  await database.sql('CREATE TABLE t (id INT)')
  await using connection = await database.connect()
  const repeated = new RepeatedStatements(connection)
  const run = (): Promise<(string | null)[][]> =>
    repeated.query([`SELECT 'before'`, 'SELECT count(*) FROM t', `SELECT 'before'`])
  const prepared = async (): Promise<string | null | undefined> =>
    (await connection.query('SELECT count(*) FROM pg_prepared_statements'))[0]?.[0]
  assert.deepEqual(await run(), [['before'], ['0'], ['before']])
  assert.equal(await prepared(), '0')
  for (let count = 1; count <= 3; count++) {
    await database.sql('INSERT INTO t VALUES (1)')
    assert.deepEqual(await run(), [['before'], [String(count)], ['before']])
    assert.equal(await prepared(), '2')
  }
})

test('statements that always differ do not fill the memory of the server', async () => {
  await using database = await server.database()
  await using connection = await database.connect()
  const repeated = new RepeatedStatements(connection)
  for (let i = 0; i < 300; i++) {
    const number = Math.trunc(i / 2)
    assert.deepEqual(await repeated.query([`SELECT ${number}`]), [[String(number)]])
  }
  const [[count = ''] = []] = await connection.query('SELECT count(*) FROM pg_prepared_statements')
  assert.ok(Number(count) <= 65, `${count} statements are prepared`)
})
