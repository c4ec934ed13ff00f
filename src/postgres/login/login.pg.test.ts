// Every way to log in, with and without encryption, on servers of several versions.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { certificateOf } from '../../../test/support/servers/certificates.ts'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { within } from '../../../test/support/until.ts'
import { openRawConnection } from '../raw-connection.ts'
import type { SourceConnection } from '../source-connection.ts'

const secret = 'p\u00e4ss:w\\o rd\u2168'

for (const version of [14, 16, 18] as const) {
  describe(`PostgreSQL ${version}`, () => {
    let server: PostgresServerUnderTest
    before(async () => {
      server = await PostgresServerUnderTest.start({ version, tls: true })
      const encryptions = {
        scram: 'scram-sha-256',
        plain: 'scram-sha-256',
        hash: 'md5',
        double: 'scram-sha-256',
        open: 'md5',
      }
      for (const [role, encryption] of Object.entries(encryptions)) {
        const password = role === 'double' ? 'double' : secret
        await server.sql(`SET password_encryption = '${encryption}'; CREATE ROLE ${role} LOGIN PASSWORD '${password}'`)
      }
      await server.sql(`CREATE ROLE certified LOGIN`)
      await server.allow(
        'host all scram 127.0.0.1/32 scram-sha-256',
        'host all hash 127.0.0.1/32 md5',
        'host all plain 127.0.0.1/32 password',
        'hostssl all certified 127.0.0.1/32 cert',
        'hostssl all double 127.0.0.1/32 scram-sha-256 clientcert=verify-full',
        'host all open 127.0.0.1/32 trust',
      )
    })
    after(() => server[Symbol.asyncDispose]())

    const as = (user: string, more: Partial<SourceConnection> = {}): SourceConnection => {
      const { tls, ...source } = server.source()
      return { ...source, user, tls, password: { tag: 'text', text: secret }, ...more }
    }
    const withCertificate = (user: string): Partial<SourceConnection> => {
      const { cert, key } = certificateOf(user)
      const { tls } = server.source()
      return { tls: tls && { ...tls, cert, key } }
    }
    const unencrypted = { tls: undefined }

    test('each method lets us in over TLS', async () => {
      assert.equal(await login(as('scram')), 'scram t')
      assert.equal(await login(as('hash')), 'hash t')
      assert.equal(await login(as('plain')), 'plain t')
      assert.equal(await login(as('open', { password: undefined })), 'open t')
      assert.equal(await login(as('certified', withCertificate('certified'))), 'certified t')
      const both = { ...withCertificate('double'), password: { tag: 'text', text: 'double' } as const }
      assert.equal(await login(as('double', both)), 'double t')
    })

    test('without encryption, a password is never sent as it is', async () => {
      assert.equal(await login(as('scram', unencrypted)), 'scram f')
      assert.equal(await login(as('hash', unencrypted)), 'hash f')
      const refused = await failure(as('plain', unencrypted))
      assert.match(refused.message, /asks for the password in clear text, and the connection is not encrypted/)
      assert.match(refused.hint ?? '', /sslmode=require/)
      assert.equal(
        await login(as('plain', { ...unencrypted, host: server.socketDir, socketDir: server.socketDir })),
        'plain f',
      )
    })

    test('a wrong or missing password, and a missing certificate, are said without what was tried', async () => {
      for (const user of ['scram', 'hash', 'plain']) {
        const wrong = await failure(as(user, { password: { tag: 'text', text: 'guess' } }))
        assert.equal(wrong.sqlstate, '28P01')
        assert.match(wrong.message, new RegExp(`authentication failed for user "${user}".*at 127.0.0.1:${server.port}`))
        assert.doesNotMatch(JSON.stringify([wrong.message, wrong.hint, wrong.detail]), /guess/)
        const again = await failure(as(user, { password: { tag: 'text', text: 'guess' } }))
        assert.match(again.hint ?? '', /^the same password is tried again in \d+ s, another one at once$/)
        assert.equal(await login(as(user)), `${user} t`, 'the right one is taken at once')
      }
      const missing = await failure(as('scram', { password: undefined }))
      assert.match(missing.message, /asks for a password of role "scram", and none was given/)
      assert.match((await failure(as('certified'))).message, /connection requires a valid client certificate/)
    })

    test('channel binding is used, demanded or left out as it was asked for', async () => {
      assert.equal(await login(as('scram', { channelBinding: 'require' })), 'scram t')
      assert.equal(await login(as('scram', { channelBinding: 'disable' })), 'scram t')
      for (const user of ['hash', 'plain', 'open'])
        assert.match((await failure(as(user, { channelBinding: 'require' }))).message, /^channel_binding=require, and/)
      const plain = await failure(as('scram', { channelBinding: 'require', ...unencrypted }))
      assert.match(plain.message, /^channel_binding=require needs an encrypted connection/)
    })

    test('require_auth refuses every method that it does not name', async () => {
      assert.equal(await login(as('scram', { requireAuth: ['scram-sha-256'] })), 'scram t')
      for (const [user, what] of [
        ['hash', 'asks for md5'],
        ['plain', 'asks for password'],
        ['open', 'lets us in without authentication'],
      ] as const) {
        const { message } = await failure(as(user, { requireAuth: ['scram-sha-256'] }))
        assert.match(message, new RegExp(`^the server ${what}, which require_auth does not allow`))
      }
    })

    test('a replication connection and a cancel request go the same way', async () => {
      await server.sql('ALTER ROLE scram REPLICATION')
      await using replication = await openRawConnection({ source: as('scram'), replication: true })
      const [system] = await replication.query('IDENTIFY_SYSTEM')
      assert.equal(system?.length, 4)
      await using connection = await openRawConnection({ source: as('scram', { channelBinding: 'require' }) })
      const sleeping = assert.rejects(connection.query('SELECT pg_sleep(60)'), { sqlstate: '57014' })
      // A request that comes before the statement cancels nothing.
      const running = `SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND wait_event = 'PgSleep'`
      await within(20_000, 'the statement to run', async () => (await server.sql(running)).length === 1)
      await connection.cancel()
      await sleeping
    })
  })
}

async function login(source: SourceConnection): Promise<string> {
  await using connection = await openRawConnection({ source })
  const rows = await connection.query('SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
  return (rows[0] ?? []).join(' ')
}

async function failure(source: SourceConnection): Promise<FeedError> {
  const opened = await openRawConnection({ source }).then(
    (connection) => connection,
    (error: FeedError) => error,
  )
  if (opened instanceof Error) return opened
  await opened.close()
  throw new Error('it was let in')
}
