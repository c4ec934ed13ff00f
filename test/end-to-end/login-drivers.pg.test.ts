// Programs of others log in through the front with SCRAM over TLS: psql, psycopg, pgjdbc, node-postgres with its pool, and
// PgBouncer, which stands before the front.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { jdbcClassPath, skipWithoutJdbc } from '../services/jdbc/jdbc.ts'
import { freePorts } from '../services/kafka/free-ports.ts'
import { ClientPrograms } from '../services/python/client-programs.ts'
import { installPackages } from '../services/python/python.ts'
import { LoginFront } from '../support/login-front.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { certificateOf } from '../support/servers/certificates.ts'
import { until } from '../support/until.ts'

const withinMs = 60_000
const ofPostgres = certificateOf('postgres-under-test')
const ofFront = certificateOf('front')

let postgres: PostgresServerUnderTest
/** With a certificate of its own, and with that of PostgreSQL. */
let other: LoginFront
let same: LoginFront
let ann = ''
let dir: string

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'login-drivers-'))
  chmodSync(dir, 0o755)
  postgres = await PostgresServerUnderTest.start({ auth: 'scram-sha-256', tls: true })
  ann = await postgres.setPassword(await postgres.role('', 'ann'))
  other = await LoginFront.start({ backend: postgres.source(), tls: ofFront })
  same = await LoginFront.start({ backend: postgres.source(), tls: ofPostgres })
})
after(async () => {
  await other?.[Symbol.asyncDispose]()
  await same?.[Symbol.asyncDispose]()
  await postgres?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

/** Runs a program beside the front, which is in this process; returns what it prints. */
async function output(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  return text.trim()
}

const refused = /channel binding cannot pass through this server[^]*channel_binding=disable/
const dsn = ({ port }: LoginFront, parameters: string): string =>
  `host=127.0.0.1 port=${port} user=ann dbname=postgres ${parameters}`

test('psql binds its login where it can, and shows what to do where it cannot', async (t) => {
  await using programs = ClientPrograms.install()
  if (programs.missing !== undefined) {
    t.skip(programs.missing)
    return
  }
  const psql = (front: LoginFront, parameters: string): Promise<string> =>
    output(programs.path('psql'), [dsn(front, parameters), '-Atc', 'SELECT session_user'], { PGPASSWORD: ann })
  const noBinding = /channel binding/
  for (const [front, parameters, said] of [
    [other, 'sslmode=require channel_binding=disable', /^ann$/],
    [other, 'sslmode=require', refused],
    [other, 'sslmode=require channel_binding=require', noBinding],
    [same, 'sslmode=require channel_binding=disable', /^ann$/],
    [same, 'sslmode=require', /^ann$/],
    [same, 'sslmode=require channel_binding=require', /^ann$/],
    [same, `sslmode=verify-full sslrootcert=${ofPostgres.ca} sslnegotiation=direct`, /^ann$/],
    [other, 'sslmode=disable', /^ann$/],
    [other, 'sslmode=disable channel_binding=require', noBinding],
  ] as const) {
    assert.match(await psql(front, parameters), said, parameters)
  }
})

test('psycopg does as psql', async (t) => {
  await using packages = installPackages(['psycopg[binary]'])
  if (packages.missing !== undefined) {
    t.skip(packages.missing)
    return
  }
  const program = fileURLToPath(new URL('../services/python/login.py', import.meta.url))
  const strings = [
    dsn(other, 'sslmode=require channel_binding=disable'),
    dsn(other, 'sslmode=require'),
    dsn(same, 'sslmode=require'),
  ]
  const env = { PYTHONPATH: packages.dir, PYTHONDONTWRITEBYTECODE: '1', PGPASSWORD: ann }
  const [first, second, third] = (await output('python3', [program, ...strings], env)).split('\n')
  assert.deepEqual([first, third], ['ann', 'ann'])
  assert.match(second ?? '', refused)
})

test('pgjdbc logs in, with channel binding where it can', { skip: skipWithoutJdbc }, async () => {
  const url = ({ port }: LoginFront, more = ''): string =>
    `jdbc:postgresql://127.0.0.1:${port}/postgres?user=ann&password=${ann}&sslmode=verify-full&sslrootcert=${ofFront.ca}${more}`
  const program = fileURLToPath(new URL('../services/jdbc/Login.java', import.meta.url))
  const urls = [url(other, '&channelBinding=disable'), url(same), url(same, '&channelBinding=require'), url(other)]
  const lines = (await output('java', ['-cp', jdbcClassPath(), program, ...urls])).split('\n')
  assert.deepEqual(lines.slice(0, 3), ['ann', 'ann', 'ann'])
  assert.match(lines[3] ?? '', /^(?:ann|28000 .*channel binding cannot pass through this server.*)$/)
})

test('a pool of node-postgres over TLS has sessions of its own user', async () => {
  const ssl = { ca: readFileSync(ofFront.ca) }
  const pool = new pg.Pool({
    host: '127.0.0.1',
    port: other.port,
    user: 'ann',
    password: ann,
    database: 'postgres',
    ssl,
    max: 8,
  })
  pool.on('error', () => undefined)
  try {
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => pool.query<{ session_user: string }>('SELECT session_user, pg_sleep(0.01)')),
    )
    assert.deepEqual([...new Set(answers.map(({ rows }) => rows[0]?.session_user))], ['ann'])
    const rows = await postgres.sql("SELECT FROM pg_stat_activity WHERE usename = 'ann' AND state = 'idle'")
    assert.equal(rows.length, 8)
  } finally {
    await pool.end()
  }
})

const pgbouncer = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path))

test(
  'PgBouncer before the front logs in with SCRAM over TLS, and gives its clients sessions',
  { skip: pgbouncer === undefined ? 'pgbouncer is not installed' : false },
  async () => {
    const [port = 0] = await freePorts(1)
    const users = join(dir, 'users.txt')
    writeFileSync(users, `"ann" "${ann}"\n`)
    const config = join(dir, 'pgbouncer.ini')
    const authority = join(dir, 'ca.pem')
    copyFileSync(ofFront.ca, authority)
    writeFileSync(
      config,
      `[databases]
postgres = host=127.0.0.1 port=${other.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = session
server_tls_sslmode = verify-full
server_tls_ca_file = ${authority}
logfile = ${join(dir, 'pgbouncer.log')}
`,
    )
    for (const path of [users, config, authority]) chmodSync(path, 0o644)
    chmodSync(dir, 0o777)
    // It refuses to run as root.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const bouncer = spawn(pgbouncer ?? '', [config], { ...user, stdio: 'ignore' })
    try {
      const client = await until('the pooler lets a client in', withinMs, async () => {
        const tried = new pg.Client({ host: '127.0.0.1', port, user: 'ann', password: ann, database: 'postgres' })
        tried.on('error', () => undefined)
        return tried.connect().then(
          () => tried,
          () => undefined,
        )
      })
      await client.query("SET application_name = 'behind a pooler'")
      const { rows } = await client.query("SELECT session_user, current_setting('application_name') AS name")
      assert.deepEqual(rows, [{ session_user: 'ann', name: 'behind a pooler' }])
      await client.query('OURS')
      assert.equal(other.ran, 1)
      await client.end()
    } finally {
      const ended = new Promise((resolve) => bouncer.once('exit', resolve))
      bouncer.kill('SIGKILL')
      await ended
    }
  },
)
