// changefeed doctor as a user runs it: exit codes, JSON, and connections that cannot be opened.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { program } from '../../test/server/program.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { OddAuthority } from '../../test/support/servers/odd-certificates.ts'
import { within } from '../../test/support/until.ts'
import { serverUser } from '../postgres/embedded/server-user.ts'

let server: PostgresServerUnderTest
before(async () => {
  server = await PostgresServerUnderTest.start({
    auth: 'scram-sha-256',
    settings: { max_slot_wal_keep_size: '10GB' },
  })
  await server.sql('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE long (id int PRIMARY KEY, v text)')
})
after(() => server[Symbol.asyncDispose]())

interface Printed {
  readonly format: number
  readonly verdict: string
  readonly server?: Readonly<Record<string, unknown>>
  readonly mode?: string
  readonly findings: readonly {
    readonly id: string
    readonly subject: string
    readonly verdict: string
    readonly what: string
    readonly remedy?: string
  }[]
}

async function json(...flags: readonly string[]): Promise<{ readonly code: number | null; readonly printed: Printed }> {
  const { code, stdout, stderr } = await program(['doctor', '--json', ...flags])
  assert.equal(stderr.replaceAll(/^WARNING: .*\n.*\n\n?/g, ''), '')
  return { code, printed: JSON.parse(stdout) as Printed }
}

test('the exit code says whether a changefeed can start: 0 in order, 2 with warnings, 1 not', async () => {
  const ok = await program(['doctor', `--postgres=${server.url()}`, '--tables=t'])
  assert.equal(ok.code, 0, ok.stdout + ok.stderr)
  assert.match(ok.stdout, /^database postgres as role postgres$/m)
  assert.match(
    ok.stdout,
    /^database postgres as role postgres\n\n(\d+) of \1 checks are ok; --all shows them.*\neverything is in order: a changefeed can start\n$/,
  )
  const all = await program(['doctor', `--postgres=${server.url()}`, '--tables=t', '--all'])
  assert.match(all.stdout, /^ok +wal_level +wal_level is logical$/m)
  assert.match(all.stdout, /\n\ntable public\.t\nok +table +it is an ordinary table\n/)
  const warned = await program(['doctor', `--postgres=${server.url()}`, '--tables=t,public."long"'])
  assert.equal(warned.code, 2, warned.stdout)
  assert.match(
    warned.stdout,
    /^WARNING +identity +table public\."?long"?\n +values of v may be stored out of line.*\n +→ .*ALTER TABLE/m,
  )
  const failed = await program(['doctor', `--postgres=${server.url()}`, '--tables=t,"No such"'])
  assert.equal(failed.code, 1)
  assert.match(failed.stdout, /^FAILURE +table +table public\."No such"\n +it does not exist$/m)
  assert.match(failed.stdout, /\n1 failure: a changefeed cannot start\n$/)
  const usage = await program(['doctor', `--postgres=${server.url()}`, '--tables=a.b.c'])
  assert.deepEqual([usage.code, usage.stdout], [1, ''])
})

test('the certificates that a server shall use are looked at', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-doctor-'))
  try {
    const { cert, ca } = new OddAuthority(dir).make({ days: 1 })
    const url = `--postgres=${server.url()}`
    const soon = await json(url, `--tls-cert=${cert}`, `--tls-client-ca=${ca}`)
    const found = soon.printed.findings.filter(({ id }) => id === 'certificates')
    assert.deepEqual([soon.code, found.map(({ verdict }) => verdict)], [2, ['warning']])
    assert.match(found[0]?.what ?? '', /^the certificate in --tls-cert expires at \S+Z$/)
    const none = await program(['doctor', url, `--tls-cert=${join(dir, 'none')}`])
    assert.equal(none.code, 1)
    assert.match(none.stderr, /cannot read --tls-cert=\S+none/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('--json prints a stable shape', async () => {
  const { code, printed } = await json(`--postgres=${server.url()}`, '--tables=t')
  assert.equal(code, 0)
  assert.deepEqual(Object.keys(printed), ['format', 'verdict', 'server', 'mode', 'findings'])
  assert.deepEqual([printed.format, printed.verdict, printed.mode], [1, 'ok', 'installed'])
  assert.deepEqual(Object.keys(printed.server ?? {}), ['database', 'role', 'version', 'provider'])
  for (const { id, subject, verdict, what } of printed.findings) {
    assert.match(id, /^[a-z_]+$/)
    assert.ok(subject === 'server' || subject === 'public.t')
    assert.equal(verdict, 'ok')
    assert.notEqual(what, '')
  }
  const { printed: without } = await json(`--postgres=${server.url()}`, '--no-install')
  assert.equal(without.mode, 'prepared')
  assert.deepEqual(
    without.findings.filter(({ verdict }) => verdict !== 'ok').map(({ id }) => id),
    ['publication'],
  )
})

test('after the script that setup-sql prints, everything is ok for its role', async () => {
  await server.sql('CREATE DATABASE shop')
  await server.sql('CREATE TABLE orders (id int PRIMARY KEY, note text)', 'shop')
  await server.role('', 'reader')
  const url = server.url('shop', 'reader')
  const before = await json(`--postgres=${url}`, '--tables=orders')
  assert.deepEqual(
    before.printed.findings.filter(({ verdict }) => verdict === 'failure').map(({ id }) => id),
    ['replication', 'publication', 'state', 'select', 'identity'],
  )
  const script = await program(['setup-sql', '--database=shop', '--tables=orders', '--role=reader'])
  await server.sql(script.stdout.replace(/^\\.*$/gm, ''), 'shop')
  const { code, printed } = await json(`--postgres=${url}`, '--tables=orders')
  assert.deepEqual([code, printed.verdict, printed.mode], [0, 'ok', 'prepared'], JSON.stringify(printed))
})

test('a connection that cannot be opened is a finding with its reason, and without the password', async () => {
  const url = new URL(server.url())
  const password = decodeURIComponent(url.password)
  const ask = async (change: (url: URL) => void): Promise<Printed['findings'][number]> => {
    const other = new URL(url)
    change(other)
    const { code, printed } = await json(`--postgres=${other.href}`)
    assert.equal(code, 1)
    assert.equal(printed.findings.length, 1)
    const [finding] = printed.findings
    assert.ok(finding)
    assert.equal(finding.id, 'connection')
    assert.ok(!JSON.stringify(printed).includes(password))
    assert.notEqual(finding.remedy ?? '', '')
    return finding
  }
  const wrong = await ask((it) => (it.password = 'wrong'))
  assert.match(wrong.what, /password/)
  assert.match((await ask((it) => (it.pathname = '/nowhere'))).what, /database "nowhere" does not exist/)
  assert.match((await ask((it) => it.searchParams.set('sslmode', 'require'))).what, /TLS|SSL/i)
  const closed = await ask((it) => (it.port = '1'))
  assert.match(`${closed.what} ${closed.remedy}`, /:1|port 1/)
  assert.match((await ask((it) => (it.hostname = 'no-such-host.invalid'))).what, /no-such-host\.invalid/)
})

test('a pooler in between is named, with the way out', { skip: !existsSync('/usr/sbin/pgbouncer') }, async () => {
  await using pooler = await startPooler(server)
  const { password } = new URL(server.url())
  const { code, printed } = await json(
    `--postgres=postgres://postgres:${password}@127.0.0.1:${pooler.port}/postgres?sslmode=disable`,
  )
  assert.equal(code, 1)
  assert.deepEqual(
    printed.findings.map(({ id, verdict }) => [id, verdict]),
    [['pooler', 'failure']],
    JSON.stringify(printed),
  )
  assert.match(printed.findings[0]?.what ?? '', /a connection pooler answers/)
  assert.match(printed.findings[0]?.remedy ?? '', /direct|PostgreSQL itself/)
})

async function startPooler(of: PostgresServerUnderTest): Promise<AsyncDisposable & { readonly port: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'pgbouncer-'))
  chmodSync(dir, 0o755)
  const port = of.port > 40_000 ? of.port - 1234 : of.port + 1234
  const user = serverUser(dir)
  const password = decodeURIComponent(new URL(of.url()).password)
  writeFileSync(join(dir, 'users.txt'), `"postgres" "${password}"\n`, { mode: 0o644 })
  writeFileSync(
    join(dir, 'pgbouncer.ini'),
    `[databases]\npostgres = host=127.0.0.1 port=${of.port} dbname=postgres user=postgres password=${password}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = plain\nauth_file = ${join(dir, 'users.txt')}\npool_mode = transaction\n`,
    { mode: 0o644 },
  )
  const child = spawn('/usr/sbin/pgbouncer', [join(dir, 'pgbouncer.ini')], { stdio: 'ignore', ...ofUser(user) })
  const ended = once(child, 'exit')
  await within(20_000, 'the pooler listens', () => accepts(port))
  return {
    port,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill('SIGKILL')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** PgBouncer refuses to run as root. */
function ofUser(user: ReturnType<typeof serverUser>): { readonly uid?: number; readonly gid?: number } {
  return user === undefined ? {} : { uid: user.uid, gid: user.gid }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
