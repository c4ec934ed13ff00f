// The client with a real registry, behind TLS, a certificate of the client, a user and a path.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeSecurity } from '../../test/services/kafka/kafka-security.ts'
import { RegistryFront } from '../../test/services/registry/registry-front.ts'
import { skipWithoutRegistry as skip } from '../../test/services/registry/require-registry.ts'
import { SchemaRegistryServer } from '../../test/services/registry/schema-registry.ts'
import { within } from '../../test/support/until.ts'
import type { RegistrySpec } from '../core/feed-spec.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { checkRegistry, openRegistry } from './schema-registry.ts'

const withinMs = 20_000
let registry: SchemaRegistryServer
let front: RegistryFront
let spec: RegistrySpec

before(async () => {
  if (skip !== false) return
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-registry-'))
  try {
    const { ca, clientCert, clientKey } = makeSecurity(dir)
    const read = (name: string): string => readFileSync(join(dir, name), 'utf8')
    registry = await SchemaRegistryServer.start()
    front = await RegistryFront.start({
      to: registry.url,
      tls: { cert: read('server.pem'), key: read('server.key'), clientCa: ca },
      user: { name: 'KEY', password: 'se/cr:et' },
      path: '/below',
    })
    spec = {
      urls: [front.url],
      user: 'KEY',
      password: 'se/cr:et',
      timeoutMs: 10_000,
      caCert: ca,
      clientCert,
      clientKey,
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
after(async () => {
  await front?.[Symbol.asyncDispose]()
  await registry?.[Symbol.asyncDispose]()
})

function record(...types: readonly unknown[]): string {
  const fields = types.map((type, i) => ({ name: `f${i}`, type }))
  return JSON.stringify({ type: 'record', name: 't', fields })
}

async function errorOf(settling: number | Promise<number> | Promise<void>): Promise<FeedError> {
  return await Promise.resolve(settling).then(
    () => assert.fail('it succeeded'),
    (error: FeedError) => error,
  )
}

test('a registry takes a schema and gives its id, also under another subject', { skip }, async () => {
  await checkRegistry(spec, AbortSignal.timeout(withinMs))
  const opened = openRegistry(spec, {})
  const text = record('long')
  const id = await opened.register('one "and only"/x-value', text)
  assert.equal(await registry.schema(id), text)
  assert.deepEqual((await registry.versions('one "and only"/x-value')).length, 1)
  assert.equal(await opened.register('other-value', text), id)
  assert.equal(opened.register('other-value', text), id)
})

test('what a registry refuses is explained, and accepted once it may be', { skip }, async () => {
  const opened = openRegistry(spec, {})
  await registry.setCompatibility('strict-value', 'FULL')
  await opened.register('strict-value', record('long'))
  const incompatible = await errorOf(opened.register('strict-value', record('string')))
  assert.deepEqual([incompatible.code, incompatible.retry], ['FEED_SCHEMA', true])
  assert.match(incompatible.message, /refuses the schema of subject "strict-value": 409 .*[Ii]ncompatible/)
  assert.equal(incompatible.hint?.includes(`${front.url}/config/strict-value`), true)
  await registry.setCompatibility('strict-value', 'NONE')
  assert.ok((await opened.register('strict-value', record('string'))) > 0)

  const invalid = await errorOf(opened.register('invalid-value', '{"type":"nothing"}'))
  assert.deepEqual([invalid.code, /: 422 /.test(invalid.message)], ['FEED_SCHEMA', true], invalid.message)
  const user = await errorOf(checkRegistry({ ...spec, password: 'wrong' }, AbortSignal.timeout(withinMs)))
  assert.match(user.message, /refuses the credentials: 401/)
  const path = await errorOf(checkRegistry({ ...spec, urls: [`${front.url}/wrong`] }, AbortSignal.timeout(withinMs)))
  assert.match(path.message, /does not answer as a schema registry does: 404/)
})

test('a registry that is away for a while is waited for', { skip }, async () => {
  const said: (string | undefined)[] = []
  const opened = openRegistry(spec, { waiting: (why) => said.push(why) })
  await front.close()
  const registering = Promise.resolve(opened.register('patient-value', record('int')))
  await within(withinMs, 'it says that it waits', () => said.length > 0)
  assert.match(said[0] ?? '', /^waiting: the schema registry https:\S+ cannot be reached: .*ECONN/)
  await front.open()
  assert.ok((await registering) > 0)
  assert.equal(said.at(-1), undefined)
})
