// TLS of clients: certificates of both sides, new ones, and wrong ones.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import pg from 'pg'
import { LoginFront } from '../../test/support/login-front.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { RawClient, startup } from '../../test/support/raw-client.ts'
import { certificateOf } from '../../test/support/servers/certificates.ts'
import { within } from '../../test/support/until.ts'
import { cancelPacket } from '../wire/frontend-messages.ts'
import { FrontTls } from './front-tls.ts'

let postgres: PostgresServerUnderTest
let dir: string
let ann = ''
const { cert, key, ca } = certificateOf('front')
const other = certificateOf('front after a while')
const ssl = { ca: readFileSync(ca) }

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'front-tls-'))
  postgres = await PostgresServerUnderTest.start({ auth: 'scram-sha-256' })
  ann = await postgres.setPassword(await postgres.role('', 'ann'))
})
after(async () => {
  rmSync(dir, { recursive: true, force: true })
  await postgres[Symbol.asyncDispose]()
})

test('a client encrypts its connection, with the request and without, and may do without on this machine', async () => {
  await using front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key } })
  assert.equal(await front.login({ user: 'ann', password: ann, ssl }), 'ann')
  const direct = { user: 'ann', password: ann, ssl, sslnegotiation: 'direct' }
  assert.equal(await front.login(direct as pg.ClientConfig), 'ann')
  assert.equal(await front.login({ user: 'ann', password: ann }), 'ann')
})

test('cancel requests come encrypted and plain, whatever the connection is that they are about', async () => {
  await using front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key } })
  const running = async (): Promise<boolean> =>
    (await postgres.sql("SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'"))
      .length > 0
  for (const encrypted of [true, false]) {
    const client = await front.connect({ user: 'ann', password: ann, ...(encrypted ? {} : { ssl }) })
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
    const slept = assert.rejects(client.query('SELECT pg_sleep(30)'), { code: '57014' })
    await within(10_000, 'the statement runs', running)
    const at = { host: '127.0.0.1', port: front.port }
    const socket = encrypted
      ? connectTls({ ...at, ...ssl, ALPNProtocols: ['postgresql'] })
      : connectTcp({ ...at, noDelay: true })
    socket.on('error', () => undefined)
    await once(socket, encrypted ? 'secureConnect' : 'connect')
    const secret = Buffer.alloc(4)
    secret.writeInt32BE(secretKey)
    socket.write(cancelPacket(processID, secret))
    await slept
    await client.end()
  }
})

test('a client that begins with TLS must say that it speaks this protocol', async () => {
  await using front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key } })
  for (const protocols of [[], ['http/1.1']]) {
    const tls = connectTls({ host: '127.0.0.1', port: front.port, ...ssl, ALPNProtocols: protocols })
    const closed = new Promise((resolve) => tls.on('error', () => undefined).on('close', resolve))
    tls.resume()
    await closed
  }
})

test('what was sent before TLS does not count', async () => {
  await using front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key } })
  const socket = connectTcp({ host: '127.0.0.1', port: front.port })
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const request = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
  socket.write(Buffer.concat([request, startup({ user: 'ann', database: 'postgres' })]))
  await once(socket, 'close')
  const answer = Buffer.concat(chunks).toString()
  assert.match(answer, /^E/)
  assert.match(answer, /unencrypted data after its request for TLS/)
})

test('a client must show a certificate where one is asked for, and PostgreSQL still asks for the password', async () => {
  await using front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key, clientCa: ca } })
  const shown = certificateOf('any name')
  const own = { ...ssl, cert: readFileSync(shown.cert), key: readFileSync(shown.key) }
  assert.equal(await front.login({ user: 'ann', password: ann, ssl: own }), 'ann')
  assert.match(await front.login({ user: 'ann', password: 'wrong', ssl: own }), /^28P01 /)
  assert.match(
    await front.login({ user: 'ann', password: ann, ssl }),
    /^28000 this server asks for a client certificate/,
  )
  await assert.rejects(front.connect({ user: 'ann', password: ann, ssl }), {
    detail: 'The client has shown no certificate.',
  })
})

test('old versions of TLS are refused', async () => {
  await using front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key } })
  const said = await front.login({
    user: 'ann',
    password: ann,
    ssl: { ...ssl, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' },
  })
  assert.match(said, /EPROTO|ERR_SSL|protocol/i)
})

test('certificates are read again, new connections use them, and wrong files change nothing', async () => {
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'cert.key') }
  const put = (from: typeof other): void => {
    copyFileSync(from.cert, files.cert)
    copyFileSync(from.key, files.key)
    chmodSync(files.key, 0o600)
  }
  put({ cert, key, ca })
  await using front = await LoginFront.start({ backend: postgres.source(), tls: files })
  const shown = async (): Promise<string> => {
    const client = await front.connect({ user: 'ann', password: ann, ssl })
    const { stream } = (client as unknown as { connection: { stream: ReturnType<typeof connectTls> } }).connection
    const { CN } = stream.getPeerCertificate().subject
    await client.end()
    return String(CN)
  }
  assert.equal(await shown(), 'front')
  const open = await front.connect({ user: 'ann', password: ann, ssl })
  put(other)
  front.tls?.reread()
  assert.equal(await shown(), 'front after a while')
  assert.equal((await open.query('SELECT 1 AS one')).rows[0]?.one, 1)
  await open.end()
  copyFileSync(cert, files.cert)
  assert.throws(() => front.tls?.reread(), /is not the key of/)
  assert.equal(await shown(), 'front after a while')
})

test('files that cannot be used are named, with the flag', () => {
  const file = (name: string, text: string): string => {
    const path = join(dir, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const open = join(dir, 'open.key')
  copyFileSync(key, open)
  chmodSync(open, 0o644)
  for (const [files, said] of [
    [{ cert: join(dir, 'none'), key }, /^cannot read --tls-cert=.*none/],
    [{ cert: file('text', 'text'), key }, /^--tls-cert=.*text cannot be used/],
    [{ cert, key: other.key }, /^--tls-key=.* is not the key of --tls-cert=/],
    [{ cert, key: open }, /^every user of this machine can read --tls-key=/],
    [{ cert, key, clientCa: file('ca', 'text') }, /^--tls-client-ca=.*ca cannot be used/],
  ] as const) {
    assert.throws(() => FrontTls.open(files), { code: 'FEED_START', message: said })
  }
})

test('a certificate that expires soon, or has, is named', () => {
  const tls = FrontTls.open({ cert, key })
  const endMs = tls.certificate.validToDate.getTime()
  const day = 24 * 3_600_000
  assert.equal(tls.expiry(endMs - 15 * day), undefined)
  assert.match(tls.expiry(endMs - 13 * day) ?? '', /^the certificate in --tls-cert=.* expires at \d{4}-/)
  assert.match(tls.expiry(endMs + 1) ?? '', / has expired at /)
  const both = FrontTls.open({ cert, key, clientCa: ca })
  const ends = both.ends.map((end) => end.endMs)
  assert.deepEqual([both.ends.map(({ flag }) => flag), ends.includes(endMs)], [['--tls-cert', '--tls-client-ca'], true])
  assert.match(both.expiry(Math.max(...ends)) ?? '', /--tls-cert=.*\nan authority in --tls-client-ca=/)
})

test('a front that closes says so to its encrypted clients', async () => {
  const front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key } })
  const client = await front.connect({ user: 'ann', password: ann, ssl })
  const said = new Promise<string>((resolve) => client.on('error', (error) => resolve(error.message)))
  await using waiting = new RawClient(front.port)
  waiting.send(startup({ user: 'ann', database: 'postgres' }))
  await waiting.until('R')
  await front.front.close()
  assert.match(await said, /administrator command/)
  await waiting.closed()
})
