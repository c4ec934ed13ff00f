// Whatever a statement makes the server connect to: a name that leads to a metadata service is refused, unless that is allowed.

import assert from 'node:assert/strict'
import dns, { type LookupAddress } from 'node:dns'
import { once } from 'node:events'
import { request } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { after, before, mock, test } from 'node:test'
import { specOf as kafkaSpecOf } from '../../test/services/kafka/sink-kit.ts'
import { checkRegistry } from '../schema-registry/schema-registry.ts'
import { dial as dialKafka } from '../sink/kafka/open.ts'
import { KafkaConnections } from '../sink/kafka/kafka-connections.ts'
import type { KafkaSinkSpec } from '../sink/kafka/spec.ts'
import { TokenSource } from '../sink/kafka/token-source.ts'
import { makeAgents } from '../sink/storage/cloud/agents.ts'
import { HttpClient } from '../sink/storage/http/open.ts'
import { Endpoint } from '../sink/webhook/endpoint.ts'
import type { WebhookSinkSpec } from '../sink/webhook/spec.ts'
import type { Reach } from './guarded-lookup.ts'

const host = 'innocent.example'
const { signal } = new AbortController()

/** No name server here has such a name. */
function leadThere(
  _host: string,
  options: { readonly all?: boolean },
  callback: (error: null, found: string | LookupAddress[], family?: number) => void,
): void {
  const address = '169.254.169.254'
  setImmediate(() => (options.all === true ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4)))
}

before(() => {
  mock.method(dns, 'lookup', leadThere)
  syncBuiltinESMExports()
})
after(() => {
  mock.restoreAll()
  syncBuiltinESMExports()
})

const tls = { ca: undefined, cert: undefined, key: undefined, verify: true }

async function toWebhook(reach: Reach, url: string): Promise<void> {
  const spec: WebhookSinkSpec = {
    tag: 'webhook',
    url,
    tls,
    headers: [],
    format: 'json',
    compression: 'none',
    timeoutMs: 200,
    flush: { messages: 0, bytes: 0, frequencyMs: 0 },
    retry: { max: 1, backoffMs: 1 },
    ...allowed(reach),
  }
  await using endpoint = new Endpoint(spec, 1)
  await endpoint.reach(signal)
}

async function toBroker(reach: Reach, changed: Partial<KafkaSinkSpec>): Promise<void> {
  await dialKafka({ ...kafkaSpecOf(`${host}:9092`, 't'), ...changed, ...allowed(reach) }, { resolved: false })
}

async function toTokens(reach: Reach, url: string): Promise<void> {
  const sasl = {
    mechanism: 'OAUTHBEARER',
    clientId: 'i',
    clientSecret: 's',
    tokenUrl: url,
    grantType: 'client_credentials',
    scopes: [],
  } as const
  using source = new TokenSource({ sasl, ca: undefined, log: () => undefined, withinMs: 200, ...reach })
  await source.get()
}

async function toFiles(reach: Reach, url: string): Promise<void> {
  await using client = new HttpClient({ tag: 'http', url }, { ...allowed(reach), idleMs: 200 })
  await client.check(signal)
}

async function toCloud(reach: Reach): Promise<void> {
  using agents = makeAgents({ mayReachMetadata: reach.mayReachMetadata === true })
  const sent = request(`http://${host}/`, { agent: agents.http, signal: AbortSignal.timeout(200) })
  sent.end()
  await once(sent, 'response')
}

function allowed({ mayReachMetadata }: Reach): { readonly mayReachMetadata?: true } {
  return mayReachMetadata === true ? { mayReachMetadata } : {}
}

const clients: readonly (readonly [string, (reach: Reach) => Promise<void>])[] = [
  ['a webhook', (reach) => toWebhook(reach, `https://${host}/`)],
  ['a webhook without TLS', (reach) => toWebhook(reach, `http://${host}/`)],
  ['a broker', (reach) => toBroker(reach, {})],
  ['a broker with TLS', (reach) => toBroker(reach, { tls })],
  ['an issuer of tokens', (reach) => toTokens(reach, `https://${host}/token`)],
  ['an issuer of tokens without TLS', (reach) => toTokens(reach, `http://${host}/token`)],
  [
    'a schema registry',
    (reach) => checkRegistry({ urls: [`https://${host}`], timeoutMs: 200, ...allowed(reach) }, signal),
  ],
  [
    'a schema registry without TLS',
    (reach) => checkRegistry({ urls: [`http://${host}`], timeoutMs: 200, ...allowed(reach) }, signal),
  ],
  ['a web server for files', (reach) => toFiles(reach, `https://${host}/`)],
  ['a web server for files without TLS', (reach) => toFiles(reach, `http://${host}/`)],
  ['the storage of a cloud', toCloud],
]

for (const [name, connect] of clients) {
  test(`${name} whose name leads to a metadata service is refused, with the setting that allows it`, async () => {
    await assert.rejects(connect({}), {
      name: 'FeedError',
      code: 'FEED_PRIVILEGE',
      message: /^sinks may not reach 169\.254\.169\.254, which is the metadata service of a cloud/,
      hint: /changefeed\.sink\.metadata_services\.enabled/,
    })
  })
}

test('a broker that calls itself by such an address is refused as well', async () => {
  const spec = kafkaSpecOf('127.0.0.1:9092', 't')
  const address = { host: '169.254.169.254', port: 9092 }
  await using connections = new KafkaConnections(spec, () => undefined)
  await assert.rejects(connections.get(address), /may not reach 169\.254\.169\.254/)
})
