// Encryption as sslmode and its files say, on real servers, and beside psql where it is installed.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { OddAuthority } from '../../../test/support/servers/odd-certificates.ts'
import { certificateOf, type Certificate } from '../../../test/support/servers/certificates.ts'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { within } from '../../../test/support/until.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { readServer } from '../connection-string/read-server.ts'
import { give, serverUser } from '../embedded/server-user.ts'
import { openRawConnection } from '../raw-connection.ts'

let dir: string
let home: string
let authority: OddAuthority
let other: OddAuthority
let server: PostgresServerUnderTest
let plain: PostgresServerUnderTest
let shown: Certificate

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tls-'))
  home = join(dir, 'home')
  authority = new OddAuthority(join(dir, 'authority'))
  other = new OddAuthority(join(dir, 'other'))
  shown = authority.make({ names: 'DNS:db.example,DNS:*.pool.example,IP:127.0.0.1' })
  server = await PostgresServerUnderTest.start({ tls: true, auth: 'scram-sha-256' })
  plain = await PostgresServerUnderTest.start({})
  await server.allow('hostssl all all 127.0.0.1/32 scram-sha-256', 'hostnossl all plain 127.0.0.1/32 scram-sha-256')
  await server.role('', 'plain')
  await show(shown)
})
after(async () => {
  await server?.[Symbol.asyncDispose]()
  await plain?.[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

/** Makes the server show another certificate. */
async function show({ cert, key }: Certificate): Promise<void> {
  for (const [from, name] of [
    [cert, 'server.crt'],
    [key, 'server.key'],
  ] as const) {
    const path = join(server.dir, name)
    copyFileSync(from, path)
    chmodSync(path, 0o600)
    give(path, serverUser(server.dir))
  }
  const loaded = `SELECT pg_reload_conf(), pg_conf_load_time()`
  const [before] = await server.sql(loaded)
  await within(10_000, 'the server has read its certificate', async () => {
    const [now] = await server.sql('SELECT pg_conf_load_time()')
    return now?.[0] !== before?.[1]
  })
}

interface Attempt {
  readonly to?: PostgresServerUnderTest
  readonly user?: string
  readonly host?: string
  readonly parameters: string
}

function textOf({ to = server, user = 'postgres', host = 'host=127.0.0.1', parameters }: Attempt): string {
  const { password } = to.source('postgres', user)
  const secret = password?.tag === 'text' ? `password=${password.text}` : ''
  return `${host} port=${to.port} user=${user} dbname=postgres ${secret} ${parameters}`
}

/** Connects; returns 't' or 'f' for an encrypted or an open connection, or the message of the error. */
async function attempt(one: Attempt): Promise<string> {
  const source = readServer(textOf(one), {})
  try {
    await using connection = await openRawConnection({ source })
    const [row] = await connection.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
    return row?.[0] ?? ''
  } catch (error) {
    return (error as FeedError).message
  }
}

const psql = ['/usr/bin/psql', '/usr/local/bin/psql'].find((path) => existsSync(path))

/** The same with psql; undefined where there is none. */
function psqlAttempt(one: Attempt): string | undefined {
  if (psql === undefined) return undefined
  const sql = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
  const { stdout, status } = spawnSync(psql, ['-XAt', '-c', sql, textOf(one)], {
    encoding: 'utf8',
    env: { HOME: home, PGCONNECT_TIMEOUT: '10' },
  })
  return status === 0 ? stdout.trim() : 'refused'
}

/** What both clients make of it. `refused`: an error. */
async function bothGive(one: Attempt, wanted: string): Promise<void> {
  const got = await attempt(one)
  assert.equal(/^[tf]$/.test(got) ? got : 'refused', wanted, `${one.parameters}: ${got}`)
  assert.equal(psqlAttempt(one) ?? wanted, wanted, `psql, ${one.parameters}`)
}

describe('sslmode', () => {
  test('a server with TLS', async () => {
    const ca = `sslrootcert=${authority.ca}`
    for (const mode of ['allow', 'prefer', 'require']) await bothGive({ parameters: `sslmode=${mode}` }, 't')
    await bothGive({ parameters: 'sslmode=disable' }, 'refused')
    await bothGive({ parameters: `sslmode=verify-ca ${ca}` }, 't')
    await bothGive({ parameters: `sslmode=verify-full ${ca}` }, 't')
    await bothGive({ parameters: 'sslmode=verify-ca' }, 'refused')
    await bothGive({ parameters: 'sslmode=verify-full' }, 'refused')
    for (const mode of ['require', 'verify-ca', 'verify-full'])
      await bothGive({ parameters: `sslmode=${mode} sslrootcert=${other.ca}` }, 'refused')
  })

  test('a server that lets the role in without TLS only', async () => {
    await bothGive({ user: 'plain', parameters: 'sslmode=disable' }, 'f')
    await bothGive({ user: 'plain', parameters: 'sslmode=allow' }, 'f')
    await bothGive({ user: 'plain', parameters: 'sslmode=require' }, 't')
  })

  test('a server without TLS', async () => {
    for (const mode of ['disable', 'allow', 'prefer']) await bothGive({ to: plain, parameters: `sslmode=${mode}` }, 'f')
    for (const mode of ['require', 'verify-ca', 'verify-full'])
      await bothGive({ to: plain, parameters: `sslmode=${mode} sslrootcert=${authority.ca}` }, 'refused')
    assert.match(await attempt({ to: plain, parameters: 'sslmode=require' }), /the server does not support TLS$/)
  })

  test('a unix socket is never encrypted, whatever sslmode says', async () => {
    await bothGive({ host: `host=${server.socketDir}`, parameters: 'sslmode=verify-full' }, 'f')
  })
})

describe('the certificate of the server', () => {
  const full = (name: string): Attempt => ({
    host: `host=${name} hostaddr=127.0.0.1`,
    parameters: `sslmode=verify-full sslrootcert=${authority.ca}`,
  })

  test('names and addresses that it is for', async () => {
    for (const name of ['db.example', 'DB.Example', 'a.pool.example']) await bothGive(full(name), 't')
    for (const name of ['other.example', 'a.b.pool.example', 'pool.example', '127.0.0.2', 'xdb.example'])
      await bothGive(full(name), 'refused')
    assert.match(
      await attempt(full('other.example')),
      /the certificate of the server is for DNS:db.example, DNS:\*.pool.example, IP Address:127.0.0.1, not for other.example$/,
    )
    const anyName = { ...full('other.example'), parameters: `sslmode=verify-ca sslrootcert=${authority.ca}` }
    await bothGive(anyName, 't')
  })

  test('the common name counts where there is no other name', async () => {
    await show(authority.make({ names: '', commonName: 'db.example' }))
    await bothGive(full('db.example'), 't')
    await bothGive(full('other.example'), 'refused')
    await show(authority.make({ names: 'DNS:new.example', commonName: 'db.example' }))
    await bothGive(full('db.example'), 'refused')
    await show(shown)
  })

  test('a revoked one is refused, a list without it is not', async () => {
    const checked = (list: string): Attempt => ({
      parameters: `sslmode=verify-ca sslrootcert=${authority.ca} sslcrl=${list}`,
    })
    await bothGive(checked(authority.revocations()), 't')
    await bothGive(checked(authority.revoke(shown)), 'refused')
    assert.match(await attempt(checked(authority.revocations())), /the certificate of the server is revoked/)
  })

  test('channel binding with signatures of every kind', async () => {
    const rsaPss = ['-newkey', 'rsa:2048', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:-1']
    const kinds: readonly (readonly [name: string, newKey: string[], signature: string[], binds: boolean])[] = [
      ['RSA with SHA-512', ['-newkey', 'rsa:2048'], ['-sha512'], true],
      ['ECDSA P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['-sha384'], true],
      ['RSASSA-PSS with SHA-384', rsaPss, ['-sha384'], true],
      ['RSASSA-PSS with SHA-256', rsaPss, ['-sha256'], true],
      ['Ed25519', ['-newkey', 'ed25519'], [], false],
    ]
    for (const [name, newKey, signature, binds] of kinds) {
      const certificate = authority.selfSigned({ newKey, signature })
      await show(certificate)
      const parameters = `sslmode=verify-full sslrootcert=${certificate.ca}`
      assert.equal(await attempt({ parameters }), 't', name)
      const required = await attempt({ parameters: `${parameters} channel_binding=require` })
      if (binds) assert.equal(required, 't', name)
      else
        assert.match(required, /channel_binding=require is not possible with a certificate that is signed with Ed25519/)
    }
    await show(shown)
  })
})

describe('files', () => {
  test('a file that was named and does not exist, or that others may read, is an error that names it', async () => {
    const key = join(dir, 'open.key')
    copyFileSync(shown.key, key)
    chmodSync(key, 0o644)
    const cases = [
      ['sslmode=require sslrootcert=/nowhere/ca.pem', /^\/nowhere\/ca.pem cannot be read/],
      ['sslmode=require sslcert=/nowhere/c.pem', /^\/nowhere\/c.pem cannot be read/],
      [`sslmode=require sslcert=${shown.cert} sslkey=${key}`, /open.key can be read by others/],
      [`sslmode=require sslcert=${shown.cert} sslkey=/nowhere/k`, /^\/nowhere\/k cannot be read/],
      ['sslmode=require sslcertmode=require sslcert=', /sslcertmode=require, and the client certificate/],
      ['sslmode=prefer sslrootcert=/nowhere/ca.pem', /^\/nowhere\/ca.pem cannot be read/],
    ] as const
    for (const [parameters, message] of cases) assert.match(await attempt({ parameters }), message)
    const broken = join(dir, 'broken.pem')
    writeFileSync(broken, '-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----\n')
    const message = await attempt({ parameters: `sslmode=verify-ca sslrootcert=${broken}` })
    assert.match(message, /TLS failed/)
    assert.doesNotMatch(message, /secret/)
  })

  test('sslrootcert=system means the authorities that the system trusts', () => {
    const { tls, ...source } = server.source()
    const connection = { ...source, tls: { ...tls, mode: 'verify-full', isDirect: false, rootCert: 'system' } }
    const code = `const { openRawConnection } = await import(${JSON.stringify(import.meta.resolve('../raw-connection.ts'))})
      const opened = openRawConnection({ source: ${JSON.stringify(connection)} })
      await opened.then((it) => (console.log('let in'), it.close()), (error) => console.log(error.message))`
    const connect = (authorities: string): string =>
      spawnSync(process.execPath, ['--input-type=module', '-e', code], {
        encoding: 'utf8',
        env: { ...process.env, SSL_CERT_FILE: authorities },
      }).stdout.trim()
    assert.equal(connect(authority.ca), 'let in')
    assert.match(connect(other.ca), /the certificate of the server is not signed by an authority of sslrootcert$/)
  })

  test('a key with a pass phrase is opened with sslpassword, and a wrong one is not shown', async () => {
    const locked = join(dir, 'locked.key')
    const { cert, key } = certificateOf('postgres')
    const made = spawnSync('openssl', ['pkcs8', '-topk8', '-in', key, '-passout', 'pass:guessed', '-out', locked])
    assert.equal(made.status, 0)
    chmodSync(locked, 0o600)
    const parameters = `sslmode=require sslcert=${cert} sslkey=${locked}`
    assert.equal(await attempt({ parameters: `${parameters} sslpassword=guessed` }), 't')
    const message = await attempt({ parameters: `${parameters} sslpassword=mistaken` })
    assert.match(message, /TLS failed/)
    assert.doesNotMatch(message, /mistaken|guessed/)
  })

  test('a certificate of ours that the server does not trust is named as the reason', async () => {
    const message = await attempt({ parameters: `sslmode=require sslcert=${shown.cert} sslkey=${shown.key}` })
    assert.match(message, /the server does not accept our certificate, sslcert \(TLS alert: unknown ca\)$/)
  })

  test('TLS 1.2 and 1.3 as they are asked for', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const parameters = `sslmode=require ssl_min_protocol_version=${version} ssl_max_protocol_version=${version}`
      const source = readServer(textOf({ parameters }), {})
      await using connection = await openRawConnection({ source })
      const [row] = await connection.query('SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
      assert.equal(row?.[0], version)
    }
  })
})

test('direct TLS begins at once on 17 and later; an earlier server is named as such', async () => {
  assert.equal(await attempt({ parameters: 'sslmode=require sslnegotiation=direct' }), 't')
  await using earlier = await PostgresServerUnderTest.start({ version: 16, tls: true, auth: 'trust' })
  const message = await attempt({ to: earlier, parameters: 'sslmode=require sslnegotiation=direct' })
  assert.match(message, /cannot reach PostgreSQL at 127.0.0.1:\d+ with TLS: /)
  assert.equal(
    await attempt({ to: plain, parameters: 'sslmode=require sslnegotiation=direct' }).then((m) => m.length > 1),
    true,
  )
})
