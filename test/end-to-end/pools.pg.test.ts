// Pools: whoever gets a connection from one finds it as if it were new, whatever the client before it did.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import { freePorts } from '../services/kafka/free-ports.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE DATABASE other')
})
after(() => server[Symbol.asyncDispose]())

async function whereAmI(client: pg.Client | pg.PoolClient): Promise<unknown[]> {
  const { rows } = await client.query('SELECT current_database() AS db')
  return [rows[0].db, (await client.query('SHOW database')).rows[0].database]
}

for (const reset of [
  'DISCARD ALL',
  'discard all -- again',
  'RESET ALL',
  'RESET database',
  'SET database TO DEFAULT',
  // What other drivers send.
  'SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;',
]) {
  test(`after ${reset} a pool hands on a session that is in the database it connected to`, async () => {
    const pool = new pg.Pool({ host: '127.0.0.1', port: server.sqlPort, user: 'root', database: 'defaultdb', max: 1 })
    pool.on('error', () => undefined)
    try {
      for (const mode of ['simple', 'extended']) {
        const first = await pool.connect()
        await first.query('SET statement_timeout = 12345')
        await first.query({ text: 'USE other', queryMode: mode } as pg.QueryConfig)
        assert.deepEqual(await whereAmI(first), ['other', 'other'])
        const isOne = reset.indexOf(';') === -1
        await first.query({ text: reset, queryMode: isOne ? mode : 'simple' } as pg.QueryConfig)
        first.release()
        const next = await pool.connect()
        assert.deepEqual(await whereAmI(next), ['defaultdb', 'defaultdb'])
        const { rows } = await next.query('SHOW statement_timeout')
        assert.equal(rows[0].statement_timeout, /ALL/i.test(reset) ? '0' : '12345ms')
        await next.query('RESET statement_timeout')
        next.release()
      }
    } finally {
      await pool.end()
    }
  })
}

test('DISCARD ALL forgets what was prepared, ours and theirs; DEALLOCATE one of them', async () => {
  const client = await server.connect()
  const named = async (name: string, text: string): Promise<number> =>
    (await client.query({ name, text, values: [] })).rows.length
  const isKnown = async (name: string): Promise<boolean> => {
    // The driver remembers what it has prepared, and sends only the name.
    try {
      await named(name, name === 'ours' ? 'USE other' : 'SELECT 1')
      return true
    } catch (error) {
      assert.equal((error as { code?: string }).code, '26000')
      return false
    }
  }
  try {
    for (const forget of [
      'DISCARD ALL',
      'DEALLOCATE ALL',
      'DEALLOCATE PREPARE all',
      'DEALLOCATE ours; DEALLOCATE theirs',
    ]) {
      await named('ours', 'USE other')
      await named('theirs', 'SELECT 1')
      await client.query(forget)
      assert.deepEqual([await isKnown('ours'), await isKnown('theirs')], [false, false], forget)
      ;(client as unknown as { connection: { parsedStatements: object } }).connection.parsedStatements = {}
    }
    await assert.rejects(client.query('DEALLOCATE nothing'), { code: '26000' })
    await client.query('PREPARE own AS SELECT 1; DEALLOCATE own')
  } finally {
    await client.end()
  }
})

test('a reset that cannot bring the session home is refused, and changes nothing', async () => {
  const client = await server.connect()
  try {
    await client.query('USE other; SET statement_timeout = 12345')
    for (const reset of ['DISCARD ALL', 'RESET ALL', 'RESET database']) {
      await client.query('BEGIN')
      await assert.rejects(client.query(reset), { code: '25001' }, reset)
      await client.query('ROLLBACK')
      assert.deepEqual(await whereAmI(client), ['other', 'other'])
      assert.equal((await client.query('SHOW statement_timeout')).rows[0].statement_timeout, '12345ms')
    }
    await client.query('USE defaultdb; BEGIN; RESET ALL; COMMIT')
    await assert.rejects(client.query('BEGIN; DISCARD ALL'), { code: '25001' })
    await client.query('ROLLBACK')
  } finally {
    await client.end()
  }
})

const pgbouncer = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path))

test(
  'through PgBouncer the next client writes into the database that it named',
  { skip: pgbouncer === undefined ? 'pgbouncer is not installed' : false },
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'changefeed-bouncer-'))
    chmodSync(dir, 0o755)
    const [port] = await freePorts(1)
    const config = join(dir, 'pgbouncer.ini')
    writeFileSync(
      config,
      `[databases]
* = host=127.0.0.1 port=${server.sqlPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(dir, 'users')}
pool_mode = session
default_pool_size = 1
server_reset_query = DISCARD ALL
`,
    )
    writeFileSync(join(dir, 'users'), '"root" ""\n')
    // It does not run as root.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const bouncer = spawn(pgbouncer ?? '', [config], { ...user, stdio: 'ignore' })
    const ended = new Promise((resolve) => bouncer.once('exit', resolve))
    const connect = async (): Promise<pg.Client> => {
      const client = new pg.Client({ host: '127.0.0.1', port: port ?? 0, user: 'root', database: 'defaultdb' })
      client.on('error', () => undefined)
      await client.connect()
      return client
    }
    try {
      await until('PgBouncer answers', 10_000, async () => {
        try {
          await (await connect()).end()
          return true
        } catch {
          return undefined
        }
      })
      const first = await connect()
      await first.query('USE other')
      await first.end()
      const next = await connect()
      await next.query('CREATE TABLE written (id INT PRIMARY KEY)')
      assert.deepEqual(await whereAmI(next), ['defaultdb', 'defaultdb'])
      await next.end()
      assert.deepEqual(await server.sql('SELECT id FROM written'), [])
    } finally {
      bouncer.kill('SIGKILL')
      await ended
      rmSync(dir, { recursive: true, force: true })
    }
  },
)
