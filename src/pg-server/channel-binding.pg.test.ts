// Logins over TLS on both sides of the front. PostgreSQL offers to bind them to its certificate, and the front stands in between.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { LoginFront } from '../../test/support/login-front.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { certificateOf } from '../../test/support/servers/certificates.ts'
import { within } from '../../test/support/until.ts'
import { cancelPacket } from '../wire/frontend-messages.ts'

let postgres: PostgresServerUnderTest
let ann = ''
const ofPostgres = certificateOf('postgres-under-test')
const ofFront = certificateOf('front')
const ssl = { ca: readFileSync(ofFront.ca) }

before(async () => {
  postgres = await PostgresServerUnderTest.start({ auth: 'scram-sha-256', tls: true })
  ann = await postgres.setPassword(await postgres.role('', 'ann'))
})
after(() => postgres[Symbol.asyncDispose]())

/** `binds`: as libpq by default, the client uses channel binding if it is offered. */
const client = (isEncrypted: boolean, binds: boolean): pg.ClientConfig => ({
  user: 'ann',
  password: ann,
  ...(isEncrypted ? { ssl } : {}),
  ...({ enableChannelBinding: binds && isEncrypted } as pg.ClientConfig),
})

const refused = /^28000 channel binding cannot pass through this server/

test('with the certificate of PostgreSQL in front, clients bind their login to it', async () => {
  const { cert, key } = ofPostgres
  await using front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key } })
  assert.equal(await front.login(client(true, true)), 'ann')
  assert.equal(await front.login(client(true, false)), 'ann')
  assert.equal(await front.login(client(false, false)), 'ann')
})

test('with another certificate, a client that binds hears what to do, and others get in', async () => {
  const { cert, key } = ofFront
  await using front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key } })
  assert.equal(await front.login(client(true, false)), 'ann')
  assert.equal(await front.login(client(false, false)), 'ann')
  const failed = await front.connect(client(true, true)).then(
    () => assert.fail('the login has succeeded'),
    (error: pg.DatabaseError) => error,
  )
  assert.match(`${failed.code} ${failed.message}`, refused)
  assert.match(failed.hint ?? '', /channel_binding=disable/)
})

test('without TLS to PostgreSQL nothing is offered, and a client that would bind gets in', async () => {
  const { cert, key } = ofFront
  await using front = await LoginFront.start({ backend: postgres.localSource(), tls: { cert, key }, isInsecure: true })
  assert.equal(await front.login({ user: 'ann', ssl }), 'ann')
  await postgres.allow('host all all 127.0.0.1/32 scram-sha-256')
  try {
    const { tls: _none, ...plain } = postgres.source()
    await using open = await LoginFront.start({ backend: plain, tls: { cert, key } })
    assert.equal(await open.login(client(true, true)), 'ann')
  } finally {
    await postgres.allow('hostssl all all 127.0.0.1/32 scram-sha-256')
  }
})

test('cancel requests reach PostgreSQL over TLS', async () => {
  const { cert, key } = ofFront
  await using front = await LoginFront.start({ backend: postgres.source(), tls: { cert, key } })
  const sleeper = await front.connect(client(true, false))
  const slept = assert.rejects(sleeper.query('SELECT pg_sleep(30)'), { code: '57014' })
  await within(10_000, 'the statement runs', async () => {
    const rows = await postgres.sql(
      "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)' AND state = 'active'",
    )
    return rows.length > 0
  })
  const { processID, secretKey } = sleeper as unknown as { processID: number; secretKey: number }
  const secret = Buffer.alloc(4)
  secret.writeInt32BE(secretKey)
  connect({ host: '127.0.0.1', port: front.port }).end(cancelPacket(processID, secret))
  await slept
  await sleeper.end()
})

test('nobody gets in with the client certificate of our own role', async () => {
  await postgres.allow('hostssl all all 127.0.0.1/32 cert')
  try {
    const own = certificateOf('postgres')
    const backend = postgres.source()
    assert.ok(backend.tls !== undefined)
    const shown = { ...backend, tls: { ...backend.tls, cert: own.cert, key: own.key } }
    for (const mode of ['verify-full', 'prefer'] as const) {
      await using front = await LoginFront.start({
        backend: { ...shown, tls: { ...shown.tls, mode } },
        isInsecure: true,
      })
      const said = await front.connect({ user: 'postgres' }).then(
        () => assert.fail('the login has succeeded'),
        ({ message, hint = '' }: pg.DatabaseError) => `${message}: ${hint}`,
      )
      assert.match(said, /^connection requires a valid client certificate: .* does not pass through/)
    }
  } finally {
    await postgres.allow('hostssl all all 127.0.0.1/32 scram-sha-256')
  }
})
