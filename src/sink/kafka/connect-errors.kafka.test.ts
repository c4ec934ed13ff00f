import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { makeSecurity, type KafkaSecurity } from '../../../test/services/kafka/kafka-security.ts'
import { skipWithoutKafka as skip } from '../../../test/services/kafka/require-kafka.ts'
import { specOf } from '../../../test/services/kafka/sink-kit.ts'
import type { KafkaPassword, KafkaSinkSpec } from './spec.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import { dial } from './open.ts'

let broker: KafkaBroker
let known: KafkaSecurity
let stranger: KafkaSecurity
const dir = mkdtempSync(join(tmpdir(), 'changefeed-stranger-'))
before(async () => {
  if (skip !== false) return
  broker = await KafkaBroker.start({ security: true })
  known = broker.security as KafkaSecurity
  stranger = makeSecurity(dir)
})
after(async () => {
  rmSync(dir, { recursive: true, force: true })
  await broker?.[Symbol.asyncDispose]()
})

interface Case {
  readonly what: string
  readonly port: 'plain' | 'sasl' | 'ssl'
  readonly changed: () => Partial<KafkaSinkSpec>
  readonly message: RegExp
  readonly hint: RegExp
}

const tls = (changed: Partial<KafkaSinkSpec['tls']> = {}): KafkaSinkSpec['tls'] => ({
  ca: known.ca,
  cert: undefined,
  key: undefined,
  verify: true,
  ...changed,
})
const sasl = (changed: Partial<KafkaPassword> = {}): KafkaSinkSpec['sasl'] => ({
  mechanism: 'SCRAM-SHA-256',
  user: known.user,
  password: known.password,
  ...changed,
})
const password = 'not-the-password'
const cases: readonly Case[] = [
  ...(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).map((mechanism) => ({
    what: `a wrong password with ${mechanism}`,
    port: 'sasl' as const,
    changed: () => ({ tls: tls(), sasl: sasl({ mechanism, password }) }),
    message: /SASL authentication failed/,
    hint: /^check sasl_mechanism, sasl_user and sasl_password$/,
  })),
  {
    what: 'a user without credentials',
    port: 'sasl',
    changed: () => ({ tls: tls() }),
    message: /localhost:\d+: Connection closed$/,
    hint: /^the broker may want sasl_enabled=true, or client_cert and client_key$/,
  },
  {
    what: 'SASL where the broker has none',
    port: 'ssl',
    changed: () => ({ tls: tls({ cert: known.clientCert, key: known.clientKey }), sasl: sasl() }),
    message: /suitable SASL mechanism/,
    hint: /does not take this sasl_mechanism on this port, or no SASL at all$/,
  },
  {
    what: 'a wrong CA',
    port: 'sasl',
    changed: () => ({ tls: tls({ ca: stranger.ca }), sasl: sasl() }),
    message: /unable to verify the first certificate$/,
    hint: /as ca_cert$/,
  },
  {
    what: 'no CA',
    port: 'sasl',
    changed: () => ({ tls: tls({ ca: undefined }), sasl: sasl() }),
    message: /unable to verify the first certificate$/,
    hint: /as ca_cert$/,
  },
  {
    what: 'no client certificate where one is wanted',
    port: 'ssl',
    changed: () => ({ tls: tls() }),
    message: /Connection closed/,
    hint: /client_cert and client_key$/,
  },
  {
    what: 'a client certificate that the broker does not trust',
    port: 'ssl',
    changed: () => ({ tls: tls({ cert: stranger.clientCert, key: stranger.clientKey }) }),
    message: /Connection closed|ECONNRESET|alert/,
    hint: /^the broker may not trust client_cert/,
  },
  {
    what: 'no TLS where it is wanted',
    port: 'ssl',
    changed: () => ({}),
    message: /Broker requires TLS/,
    hint: /: tls_enabled=true$/,
  },
  {
    what: 'TLS where there is none',
    port: 'plain',
    changed: () => ({ tls: tls() }),
    message: /TLS handshake failed/,
    hint: /leave tls_enabled out/,
  },
]

async function refused(spec: KafkaSinkSpec, what: string): Promise<FeedError> {
  const error = await dial(spec, { resolved: false }).then(
    () => assert.fail(`${what} was accepted`),
    (thrown: FeedError) => thrown,
  )
  assert.match(
    error.message,
    /^unable to open connection to broker: kafka: client has run out of available brokers to talk to \(Is your cluster reachable\?\): /,
    what,
  )
  return error
}

test('each wrong address, certificate and password has a message and a hint of its own', { skip }, async () => {
  for (const { what, port, changed, message, hint } of cases) {
    const place = { plain: broker.port, sasl: broker.saslPort, ssl: broker.sslPort }[port]
    const error = await refused(specOf(`localhost:${place}`, 't', changed()), what)
    assert.match(error.message, message, what)
    assert.match(error.hint ?? '', hint, what)
    assert.doesNotMatch(error.message, new RegExp(`${password}|${known.password}`), what)
  }
})

test(
  'a missing broker, an unknown host and a server that does not answer are named',
  { skip, timeout: 180_000 },
  async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    const { promise, resolve } = Promise.withResolvers<void>()
    silent.once('listening', () => resolve())
    await promise
    const { port } = silent.address() as AddressInfo
    try {
      for (const [address, message, hint] of [
        ['127.0.0.1:1', /connect ECONNREFUSED 127\.0\.0\.1:1$/, /^no broker listens there/],
        ['[::1]:1', /ECONNREFUSED ::1:1|EADDRNOTAVAIL/, /^no broker listens there|^$/],
        ['no-such-host.invalid:9092', /ENOTFOUND|EAI_AGAIN/, /^the host name is not known/],
        [`127.0.0.1:${port}`, /took the connection and did not answer within 10 s$/, /^check host, port/],
      ] as const) {
        const error = await refused(specOf(address, 't'), address)
        assert.match(error.message, message)
        assert.match(error.hint ?? '', hint)
      }
    } finally {
      silent.close()
    }
  },
)

test('one broker of the list is enough to connect', { skip }, async () => {
  await dial(specOf(`127.0.0.1:1,${broker.bootstrap}`, 't'), { resolved: false })
})

test('an error names brokers that advertise an address at which they cannot be reached', { skip }, async () => {
  await using lost = await KafkaBroker.start({ properties: ['advertised.listeners=PLAINTEXT://127.0.0.1:1'] })
  const error = await refused(specOf(lost.bootstrap, 't'), 'an address that leads nowhere')
  assert.match(error.message, /ECONNREFUSED 127\.0\.0\.1:1/)
  assert.equal(
    error.hint,
    `the brokers of ${lost.bootstrap} want to be found at 127.0.0.1:1, which cannot be reached from here: see their advertised.listeners`,
  )
})
