import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { get as getSecurely } from 'node:https'
import { connect } from 'node:net'
import test from 'node:test'
import { connect as connectSecurely } from 'node:tls'
import { certificateOf } from '../../test/support/servers/certificates.ts'
import { startWeb } from '../../test/support/web-server.ts'
import { FrontTls } from '../pg-server/front-tls.ts'

test('one port answers with and without TLS, and closing it leaves no client behind', async () => {
  const { cert, key, ca } = certificateOf('localhost')
  const tls = FrontTls.open({ cert, key })
  const web = await startWeb({
    tls,
  })
  const at = { host: '127.0.0.1', port: web.port, path: '/health', headers: { host: 'localhost' } }
  const statusOf = (ask: (done: (response: IncomingMessage) => void) => ReturnType<typeof get>): Promise<number> =>
    new Promise((resolve, reject) => {
      ask((response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      }).on('error', reject)
    })
  // It says nothing, and so nobody knows yet what it wants.
  const silent = connect(web.port, '127.0.0.1')
  silent.on('error', () => undefined)
  const gone = new Promise((resolve) => silent.once('close', resolve))
  try {
    assert.equal(await statusOf((done) => get(at, done)), 200)
    const secure = { ...at, servername: 'localhost', ca: readFileSync(ca), agent: false } as const
    assert.equal(await statusOf((done) => getSecurely(secure, done)), 200)
    await assert.rejects(
      statusOf((done) => getSecurely({ ...secure, ca: undefined }, done)),
      /certificate/,
    )
  } finally {
    await web.close()
  }
  await gone
})

test('a client that does not end the head of its request is disconnected, with and without TLS', async () => {
  const { cert, key, ca } = certificateOf('localhost')
  const web = await startWeb({
    tls: FrontTls.open({ cert, key }),
    patience: { headMs: 200 },
  })
  const clients = [
    connect(web.port, '127.0.0.1'),
    connectSecurely({ port: web.port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(ca) }),
  ]
  try {
    await Promise.all(
      clients.map(async (client) => {
        client.on('error', () => undefined)
        client.resume()
        const gone = once(client, 'close', { signal: AbortSignal.timeout(15_000) })
        client.write('GET /health HTTP/1.1\r\nHost: local')
        await gone
      }),
    )
  } finally {
    for (const client of clients) client.destroy()
    await web.close()
  }
})

test('a browser without the certificate that the server asks for learns in the handshake that it needs one', async () => {
  const { cert, key, ca } = certificateOf('localhost')
  const { cert: ownCert, key: ownKey } = certificateOf('webhook')
  const web = await startWeb({ tls: FrontTls.open({ cert, key, clientCa: ca }) })
  const at = { host: '127.0.0.1', port: web.port, path: '/health', headers: { host: 'localhost' } }
  const secure = { ...at, servername: 'localhost', ca: readFileSync(ca), agent: false } as const
  const ask = (shown: object): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      getSecurely({ ...secure, ...shown }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).on('error', reject)
    })
  try {
    await assert.rejects(ask({}), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' })
    assert.equal(await ask({ cert: readFileSync(ownCert), key: readFileSync(ownKey) }), 200)
  } finally {
    await web.close()
  }
})
