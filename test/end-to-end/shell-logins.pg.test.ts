// The shell logs in: passwords from everywhere, TLS as the URL says it, and what it prints when that fails.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { main } from '../server/run-main.ts'
import { LoginFront } from '../support/login-front.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { certificateOf } from '../support/servers/certificates.ts'
import { until, within } from '../support/until.ts'

let postgres: PostgresServerUnderTest
let front: LoginFront
let dir: string
let ann = ''
const ofPostgres = certificateOf('postgres-under-test')

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'shell-logins-'))
  postgres = await PostgresServerUnderTest.start({ auth: 'scram-sha-256', tls: true })
  ann = await postgres.setPassword(await postgres.role('', 'ann'))
  front = await LoginFront.start({ backend: postgres.source(), tls: ofPostgres })
})
after(async () => {
  await front?.[Symbol.asyncDispose]()
  await postgres?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

interface Run {
  readonly flags?: readonly string[]
  readonly parameters?: string
  readonly password?: string
  readonly env?: Readonly<Record<string, string>>
  readonly sql?: string
}

function start({ flags = [], parameters = 'sslmode=require', password, env = {}, sql = 'SELECT session_user' }: Run) {
  const secret = password === undefined ? '' : `:${password}`
  const url = `postgresql://ann${secret}@127.0.0.1:${front.port}/postgres?${parameters}`
  return spawn(process.execPath, [main, 'sql', `--url=${url}`, '--format=csv', ...flags, '-e', sql], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // No terminal to ask at, and no files of whoever runs the test.
    detached: true,
    env: { ...process.env, HOME: dir, ...env },
  })
}

async function shell(run: Run): Promise<string> {
  const child = start(run)
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await new Promise((resolve) => child.once('close', resolve))
  return text
}

const isIn = 'session_user\nann\n'

test('a password comes from the URL, a file, a variable or a password file', async () => {
  const file = join(dir, 'password')
  writeFileSync(file, `${ann}\n`)
  const passfile = join(dir, 'passfile')
  writeFileSync(passfile, `127.0.0.1:${front.port}:*:ann:${ann}\n`, { mode: 0o600 })
  assert.equal(await shell({ password: ann }), isIn)
  assert.equal(await shell({ flags: [`--password-file=${file}`] }), isIn)
  assert.equal(await shell({ env: { PGPASSWORD: ann } }), isIn)
  assert.equal(await shell({ env: { PGPASSFILE: passfile } }), isIn)
})

test('sslmode and channel_binding mean what they mean for psql', async () => {
  const env = { PGPASSWORD: ann }
  const { ca } = ofPostgres
  for (const parameters of [
    '',
    'sslmode=disable',
    `sslmode=verify-full&sslrootcert=${ca}`,
    'sslmode=require&channel_binding=require',
    `sslmode=verify-ca&sslrootcert=${ca}&channel_binding=disable`,
    'sslmode=require&sslnegotiation=direct',
  ]) {
    assert.equal(await shell({ env, parameters }), isIn, parameters)
  }
  const other = certificateOf('any name').cert
  assert.match(await shell({ env, parameters: `sslmode=verify-full&sslrootcert=${other}` }), /^ERROR: .*certificate/)
  assert.match(await shell({ env, parameters: 'sslmode=disable&channel_binding=require' }), /channel_binding=require/)
})

test('a wrong password is reported as the server reports it, and a missing one says where it may be', async () => {
  const wrong = await shell({ password: 'wrong' })
  assert.equal(wrong, 'FATAL: password authentication failed for user "ann"\nSQLSTATE: 28P01\n')
  const missing = await shell({})
  assert.match(missing, /the server asks for a password of role "ann"/)
  assert.match(missing, /HINT: .*PGPASSWORD/)
  for (const text of [wrong, missing]) assert.doesNotMatch(text, new RegExp(ann))
})

test('Ctrl-C cancels a statement over TLS', async () => {
  const child = start({ env: { PGPASSWORD: ann }, sql: 'SELECT pg_sleep(60)' })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const ended = new Promise((resolve) => child.once('close', resolve))
  await within(20_000, 'the statement runs', async () => {
    const rows = await postgres.sql(
      "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'",
    )
    return rows.length > 0
  })
  child.kill('SIGINT')
  await ended
  assert.match(text, /canceling statement due to user request/)
})

const noScript =
  spawnSync('script', ['--version']).error === undefined ? false : 'there is no program named script here'

test('at a terminal the shell asks for the password, without showing it', { skip: noScript }, async () => {
  for (const [typed, said] of [
    [`${ann}\r`, /^ann\r?$/m],
    [`x\x15${ann}y\x7f\r`, /^ann\r?$/m],
    ['wrong\r', /password authentication failed/],
    ['\r', /the server asks for a password/],
    ['\x03', /interrupted/],
  ] as const) {
    const url = `postgresql://ann@127.0.0.1:${front.port}/postgres?sslmode=require`
    const command = `${process.execPath} ${main} sql --url='${url}' --format=csv -e 'SELECT session_user'`
    const terminal = spawn('script', ['-qec', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, HOME: dir },
    })
    let text = ''
    terminal.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    const ended = new Promise((resolve) => terminal.once('close', resolve))
    await until('it asks', 20_000, () => (text.includes('Password for user ann: ') ? true : undefined))
    terminal.stdin.write(typed)
    await ended
    assert.match(text, said)
    assert.doesNotMatch(text, new RegExp(`${ann}|wrong`))
  }
})
