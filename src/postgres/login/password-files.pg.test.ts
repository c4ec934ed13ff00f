// Passwords from files, which may change while connections come and go.

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { readServer } from '../connection-string/read-server.ts'
import { openPool, poolQueries } from '../pool-queries.ts'
import { openRawConnection } from '../raw-connection.ts'
import type { SourceConnection } from '../source-connection.ts'

let server: PostgresServerUnderTest
let dir: string
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'passwords-'))
  server = await PostgresServerUnderTest.start({ auth: 'scram-sha-256' })
  await server.role('', 'cdc')
})
after(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

const url = (): string => `postgres://cdc@127.0.0.1:${server.port}/postgres?sslmode=disable`

async function login(source: SourceConnection): Promise<string> {
  try {
    await using connection = await openRawConnection({ source })
    return (await connection.query('SELECT current_user'))[0]?.[0] ?? ''
  } catch (error) {
    const { message, hint } = error as FeedError
    return `${message} / ${hint}`
  }
}

test('a password file of libpq is used if only its owner can read it', async () => {
  const password = await server.setPassword('cdc')
  const path = join(dir, 'pgpass')
  writeFileSync(path, `127.0.0.1:*:postgres:cdc:${password}\n`, { mode: 0o600 })
  const source = readServer(url(), { PGPASSFILE: path })
  assert.equal(await login(source), 'cdc')
  chmodSync(path, 0o640)
  assert.match(await login(source), /can be read by others, so it is not used .* \/ chmod 0600/)
  chmodSync(path, 0o600)
  writeFileSync(path, `other:*:*:*:${password}\n`)
  assert.match(await login(source), /no line of .*pgpass is for this server, database and role/)
  assert.match(await login(readServer(url(), { PGPASSFILE: join(dir, 'none') })), /there is no .*none/)
})

test('a changed password is taken from its file at the next connection, at once also after a refusal', async () => {
  const passwordFile = join(dir, 'password')
  const put = (password: string): void => writeFileSync(passwordFile, `${password}\n`)
  put(await server.setPassword('cdc'))
  const source = readServer(url(), {}, { passwordFile })
  const pool = openPool(source, 1)
  pool.on('error', () => undefined)
  const query = poolQueries(pool)
  const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cdc'`
  try {
    assert.deepEqual(await query('SELECT current_user::text', []), [['cdc']])
    const next = await server.setPassword('cdc')
    await server.sql(end)
    await assert.rejects(
      async () => {
        // The first query may still find the connection that was ended.
        await query('SELECT 1', []).catch(() => undefined)
        await query('SELECT 1', [])
      },
      { code: 'FEED_SOURCE_REFUSED', sqlstate: '28P01' },
    )
    assert.match(await login(source), /password authentication failed .* \/ the same password is tried again in \d+ s/)
    put(next)
    assert.deepEqual(await query('SELECT current_user::text', []), [['cdc']])
    assert.equal(await login(source), 'cdc')
  } finally {
    await pool.end()
  }
})

test('a pool is encrypted as its server says, whatever PGSSLMODE says', async () => {
  const source = readServer(url(), { PGPASSWORD: await server.setPassword('cdc') })
  process.env['PGSSLMODE'] = 'require'
  const pool = openPool(source, 1)
  try {
    assert.deepEqual(await poolQueries(pool)('SELECT current_user::text', []), [['cdc']])
  } finally {
    delete process.env['PGSSLMODE']
    await pool.end()
  }
})

test('a server is asked with the same wrong password a few times, not hundreds', async () => {
  await server.setPassword('cdc')
  const source = readServer(url(), { PGPASSWORD: 'wrong' })
  const before = attemptsIn(server.log)
  for (let i = 0; i < 40; i++) assert.match(await login(source), /password authentication failed/)
  assert.ok(attemptsIn(server.log) - before <= 3, `${attemptsIn(server.log) - before} attempts`)
})

function attemptsIn(log: string): number {
  return log.split('password authentication failed for user "cdc"').length - 1
}
