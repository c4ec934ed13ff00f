import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeSecurity } from '../../test/services/kafka/kafka-security.ts'
import { AnsweringRegistry } from '../../test/support/answering-registry.ts'
import type { RegistrySpec } from '../core/feed-spec.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { RegistryClient } from './registry-client.ts'
import { checkRegistry } from './schema-registry.ts'

const dir = mkdtempSync(join(tmpdir(), 'changefeed-registry-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const { ca, clientCert, clientKey } = makeSecurity(dir)
const server = { cert: readFileSync(join(dir, 'server.pem')), key: readFileSync(join(dir, 'server.key')) }

const check = (spec: Partial<RegistrySpec> & Pick<RegistrySpec, 'urls'>, signal = AbortSignal.timeout(10_000)) =>
  checkRegistry({ timeoutMs: 5000, ...spec }, signal)

test('with its CA a registry is reached over TLS, and without it the error says what to give', async () => {
  await using registry = await AnsweringRegistry.start(() => '{"id":4}', server)
  const client = new RegistryClient({ urls: [registry.url], timeoutMs: 5000, caCert: ca })
  assert.deepEqual(await client.register('s', '{}'), { tag: 'id', id: 4 })
  await assert.rejects(check({ urls: [registry.url] }), ({ message, hint }: FeedError) => {
    assert.match(message, /^the schema registry https:\/\/localhost:\d+ cannot be reached: .*certificate/)
    assert.match(hint ?? '', /ca_cert/)
    return true
  })
})

test('a registry that wants a certificate of its clients gets it, and without it the error says so', async () => {
  const strict = { ...server, ca, requestCert: true, rejectUnauthorized: true }
  await using registry = await AnsweringRegistry.start(() => '{"id":4}', strict)
  const client = new RegistryClient({ urls: [registry.url], timeoutMs: 5000, caCert: ca, clientCert, clientKey })
  assert.deepEqual(await client.register('s', '{}'), { tag: 'id', id: 4 })
  await assert.rejects(check({ urls: [registry.url], caCert: ca }), ({ hint }: FeedError) => {
    assert.match(hint ?? '', /client_cert and client_key/)
    return true
  })
})

test('http where the registry speaks TLS, and https where it does not, are told from other trouble', async () => {
  await using tls = await AnsweringRegistry.start(() => '[]', server)
  await using plain = await AnsweringRegistry.start(() => '[]')
  const hintOf = async (url: string): Promise<string> => {
    const failed = await check({ urls: [url] }).catch((error: unknown) => error)
    return (failed as FeedError).hint ?? ''
  }
  assert.match(await hintOf(`http://localhost:${tls.port}`), /may want TLS/)
  assert.match(await hintOf(`https://localhost:${plain.port}`), /does not speak TLS/)
})

test('a registry is there if it lists its subjects, also if this user may not see them', async () => {
  const table: [status: number, type: string, refusal: RegExp | undefined][] = [
    [200, 'application/vnd.schemaregistry.v1+json', undefined],
    [200, 'application/json; charset=utf-8', undefined],
    [403, 'application/json', undefined],
    [200, 'text/html', /^http:\S+\/base\/subjects does not answer as a schema registry does: 200$/],
    [404, 'application/json', /^http:\S+\/base\/subjects does not answer as a schema registry does: 404$/],
    [401, 'application/json', /refuses the credentials: 401$/],
    [503, 'application/json', /does not answer the request at the moment: 503$/],
  ]
  for (const [status, type, refusal] of table) {
    await using registry = await AnsweringRegistry.start((_, response) => {
      // A list without end.
      response.writeHead(status, { 'content-type': type }).write('["a",')
      return undefined
    })
    const checked = check({ urls: [`${registry.url}/base`] })
    if (refusal === undefined) await checked
    else await assert.rejects(checked, { code: 'FEED_REGISTRY', message: refusal })
    assert.deepEqual(
      registry.questions.map(({ method, url }) => `${method} ${url}`),
      ['GET /base/subjects'],
    )
  }
})

test('an address that does not answer fails within its timeout, and a statement that is cancelled at once', async () => {
  await using silent = await AnsweringRegistry.start(() => undefined)
  const sinceMs = performance.now()
  await assert.rejects(check({ urls: [silent.url], timeoutMs: 200 }), /did not answer within 0.2 s$/)
  assert.ok(performance.now() - sinceMs < 5000)
  const cancel = new AbortController()
  const checked = check({ urls: [silent.url] }, cancel.signal)
  cancel.abort(new Error('canceled'))
  await assert.rejects(checked, /^Error: canceled$/)
})

test('a connection that the registry closes while it is idle is opened again', async () => {
  await using registry = await AnsweringRegistry.start(({ before }, response) => {
    if (before === 1) {
      response.destroy()
      return undefined
    }
    return '{"id":6}'
  })
  const client = new RegistryClient({ urls: [registry.url], timeoutMs: 5000 })
  await client.register('a', '{}')
  assert.deepEqual(await client.register('b', '{}'), { tag: 'id', id: 6 })
  assert.equal(registry.questions.length, 3)
})
