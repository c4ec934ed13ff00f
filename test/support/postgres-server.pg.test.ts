import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PostgresServerUnderTest } from './postgres-server.ts'
import { postgresVersions, skipVersion } from './servers/postgres-versions.ts'

for (const version of postgresVersions) {
  test(`PostgreSQL ${version} starts, is killed and starts again`, { skip: skipVersion(version) }, async () => {
    await using server = await PostgresServerUnderTest.start({ version, tls: true, auth: 'scram-sha-256' })
    const [row] = await server.sql(`SELECT current_setting('server_version_num')::int / 10000, current_setting('ssl')`)
    assert.deepEqual(row, [String(version), 'on'])
    await server.sql('CREATE TABLE t (id int)')
    await server.kill()
    await server.start()
    assert.deepEqual(await server.sql('SELECT count(*) FROM t'), [['0']])
  })

  test(`a standby of PostgreSQL ${version} follows and is promoted`, { skip: skipVersion(version) }, async () => {
    await using server = await PostgresServerUnderTest.start({ version })
    await server.sql('CREATE TABLE t (id int); INSERT INTO t VALUES (1)')
    await using standby = await server.standby()
    await server.sql('INSERT INTO t VALUES (2)')
    await server.reached(standby)
    assert.deepEqual(await standby.sql('SELECT count(*) FROM t'), [['2']])
    await server.stop()
    await standby.promote()
    await standby.sql('INSERT INTO t VALUES (3)')
  })
}

test('a role of few rights may read the published tables and nothing else', async () => {
  await using server = await PostgresServerUnderTest.start()
  await server.sql('CREATE TABLE t (id int); CREATE TABLE secret (id int)')
  const role = await server.leastPrivileged({ database: 'postgres', tables: ['t'] })
  assert.deepEqual(await server.sql('SELECT count(*) FROM t', 'postgres', role), [['0']])
  await assert.rejects(server.sql('SELECT FROM secret', 'postgres', role), /permission denied/)
})
