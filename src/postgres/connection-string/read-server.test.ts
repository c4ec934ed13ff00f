import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SourceConnection } from '../source-connection.ts'
import { passwordWarning } from './hide-password.ts'
import { readServer } from './read-server.ts'

/** Without the members that are undefined. */
function read(text: string | undefined, environment: NodeJS.ProcessEnv = {}, passwordFile?: string) {
  return JSON.parse(JSON.stringify(readServer(text, environment, { passwordFile }))) as SourceConnection
}

test('the string comes before the variables, and both before what is usual', () => {
  const environment = { PGHOST: 'other', PGPORT: '6000', PGUSER: 'me', PGDATABASE: 'shop', PGSSLMODE: 'disable' }
  assert.deepEqual(read('postgres://db.example/', environment), {
    host: 'db.example',
    port: 6000,
    user: 'me',
    database: 'shop',
    password: { tag: 'passfile', path: join(homedir(), '.pgpass') },
  })
  const { user, database, port, tls } = read('postgres://db.example')
  assert.deepEqual([user, database, port], [userInfo().username, userInfo().username, 5432])
  assert.deepEqual(tls, { mode: 'prefer', isDirect: false })
  assert.equal(read('postgres://cdc@db.example').database, 'cdc')
})

test('an empty variable is as good as none', () => {
  assert.equal(read('host=h', { PGUSER: '', PGDATABASE: 'd', PGSSLMODE: '' }).user, userInfo().username)
})

test('a password comes from the flag, the string, the variable, or a password file, in this order', () => {
  const environment = { PGPASSWORD: 'v', PGPASSFILE: '/p' }
  assert.deepEqual(read('postgres://u:s@h', environment, '/f').password, { tag: 'file', path: '/f' })
  assert.deepEqual(read('postgres://u:s@h', environment).password, { tag: 'text', text: 's' })
  assert.deepEqual(read('postgres://u@h', environment).password, { tag: 'text', text: 'v' })
  assert.deepEqual(read('postgres://u@h', { PGPASSFILE: '/p' }).password, { tag: 'passfile', path: '/p' })
})

test('several hosts have ports of their own or one for all', () => {
  const hosts = (text: string) => {
    const { host, port, otherHosts = [] } = read(text)
    return [[host, port], ...otherHosts.map((other) => [other.host, other.port])]
  }
  assert.deepEqual(hosts('postgres://a:1,b:2,[::1]/d?target_session_attrs=primary'), [
    ['a', 1],
    ['b', 2],
    ['::1', 5432],
  ])
  assert.deepEqual(hosts('host=a,b port=7'), [
    ['a', 7],
    ['b', 7],
  ])
  assert.throws(() => read('host=a,b,c port=1,2'), /there are 2 ports for 3 hosts/)
  assert.throws(() => read('host=a,b hostaddr=127.0.0.1'), /there are 2 hosts, but 1 values of hostaddr/)
  assert.throws(() => read('port=70000'), /not a number from 1 to 65535/)
})

test('a folder in place of a host, or no host at all, means a unix socket', () => {
  assert.equal(read('host=/run/pg port=7').socketDir, '/run/pg')
  assert.equal(read('postgres://%2Frun%2Fpg/d').socketDir, '/run/pg')
  assert.match(read('dbname=d port=1').socketDir ?? '', /^\/(?:tmp|var\/run\/postgresql)$/)
})

test('hostaddr is where a connection goes, and host is the name in its certificate', () => {
  const { host, address } = read('host=db.example hostaddr=10.0.0.1')
  assert.deepEqual([host, address], ['db.example', '10.0.0.1'])
  assert.throws(() => read('hostaddr=db.example'), /hostaddr is not an IP address/)
})

test('what libpq refuses of encryption is refused', () => {
  assert.equal(read('host=h sslrootcert=system').tls?.mode, 'verify-full')
  assert.throws(() => read('host=h sslrootcert=system sslmode=require'), /sslrootcert=system needs sslmode=verify-full/)
  assert.throws(() => read('host=h sslnegotiation=direct'), /needs sslmode=require or stronger, not prefer/)
  assert.throws(() => read('host=h sslmode=no-verify'), /sslmode must be one of disable, allow, prefer, require/)
  assert.throws(() => read('host=h ssl_min_protocol_version=TLSv1'), /connections use TLSv1.2 or later/)
  assert.throws(
    () => read('host=h ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2'),
    /ssl_min_protocol_version is later/,
  )
  assert.equal(read('host=h', { PGREQUIRESSL: '1' }).tls?.mode, 'require')
})

test('require_auth is a list of what is allowed or of what is not', () => {
  assert.deepEqual(read('host=h require_auth=scram-sha-256,md5').requireAuth, ['scram-sha-256', 'md5'])
  assert.deepEqual(read('host=h', { PGREQUIREAUTH: '!password,!md5,!none' }).requireAuth, [
    'gss',
    'sspi',
    'scram-sha-256',
    'oauth',
  ])
  assert.throws(() => read('host=h require_auth=md5,!none'), /cannot be mixed/)
  assert.throws(() => read('host=h require_auth=md5,md5'), /names a method twice/)
  assert.throws(() => read('host=h require_auth=pam'), /require_auth may name/)
})

test('options may not change how rows are read', () => {
  assert.equal(read('host=h', { PGOPTIONS: '-c work_mem=64MB' }).options, '-c work_mem=64MB')
  assert.equal(read('postgres://h/d?options=endpoint%3Dep-1').options, 'endpoint=ep-1')
  for (const options of ['-c datestyle=German', '-cDateStyle=x', '--search-path=x', '-c work_mem=1 -c role=x'])
    assert.throws(() => read(undefined, { PGOPTIONS: options }), /^FeedError: options sets \w+, which/)
})

test('a variable that asks for what we cannot do is an error that names it', () => {
  assert.throws(() => read('host=h', { PGGSSENCMODE: 'require' }), /PGGSSENCMODE cannot have this value/)
  assert.throws(() => read('host=h', { PGREQUIREPEER: 'postgres' }), /PGREQUIREPEER cannot/)
})

test('times and keep-alive', () => {
  const { connectWithinMs, keepAlive } = read('host=h keepalives_idle=5 keepalives_count=3', { PGCONNECT_TIMEOUT: '3' })
  assert.equal(connectWithinMs, 3000)
  assert.deepEqual(keepAlive, { idleMs: 5000, count: 3 })
  assert.deepEqual(read('host=h keepalives=0').keepAlive, { isOff: true })
  assert.throws(() => read('host=h connect_timeout=soon'), /connect_timeout is not a whole number/)
})

test('a service is a set of parameters in a file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'service-'))
  try {
    const file = join(dir, 'services')
    writeFileSync(file, '# ours\n[other]\nhost=o\n[shop]\nhost=s\nport=7\nport=8\n\n[later]\nhost=l\n')
    const environment = { PGSERVICEFILE: file, PGPORT: '9', PGUSER: 'me' }
    const { host, port, user } = read('service=shop', environment)
    assert.deepEqual([host, port, user], ['s', 7, 'me'])
    assert.equal(read('postgres://h', { ...environment, PGSERVICE: 'shop' }).host, 'h')
    assert.throws(() => read('service=none', environment), /service "none" was not found in/)
    writeFileSync(file, '[shop]\nservice=other\n')
    assert.throws(() => read('service=shop', environment), /names another service/)
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('a password on a command line is warned of, and not repeated', () => {
  assert.match(
    passwordWarning('postgres://u:secret@h/d', '--postgres') ?? '',
    /^--postgres contains a password.*--password-file/s,
  )
  assert.doesNotMatch(passwordWarning('postgres://u:secret@h/d', '--postgres') ?? '', /secret/)
  assert.notEqual(passwordWarning('host=h password=secret', '--postgres'), undefined)
  assert.equal(passwordWarning('postgres://u@h/d?sslmode=require', '--postgres'), undefined)
})
