import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnsweringRegistry } from '../../test/support/answering-registry.ts'
import { Recent } from './recent.ts'
import { RegistryClient } from './registry-client.ts'
import { SharedSchemas } from './shared-schemas.ts'

test('a map of recent values forgets what was not used for the longest time', () => {
  const recent = new Recent<number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  assert.equal(recent.get('a'), 1)
  recent.set('c', 3)
  assert.deepEqual([recent.get('a'), recent.get('b'), recent.get('c')], [1, undefined, 3])
})

test('an id is asked for again after some time, and used on while the registry does not answer', async () => {
  let id = 1
  let isDown = false
  await using server = await AnsweringRegistry.start((_, response) => {
    if (!isDown) return `{"id":${id}}`
    response.writeHead(503).end()
    return undefined
  })
  const client = new RegistryClient({ urls: [server.url], timeoutMs: 1000 })
  const schemas = new SharedSchemas(client, { freshMs: 0 })
  assert.deepEqual(await schemas.register('s', '1'), { tag: 'id', id: 1 })
  assert.equal(schemas.known('s', '1'), undefined)
  // Somebody has emptied the registry.
  id = 2
  assert.deepEqual(await schemas.register('s', '1'), { tag: 'id', id: 2 })
  isDown = true
  assert.deepEqual(await schemas.register('s', '1'), { tag: 'id', id: 2 })
  assert.equal((await schemas.register('s', '2')).tag, 'passing')
})

test('a schema that the registry refuses is not taken for known', async () => {
  await using server = await AnsweringRegistry.start(({ before }, response) => {
    if (before > 0) return '{"id":5}'
    response.writeHead(422).end()
    return undefined
  })
  const schemas = new SharedSchemas(new RegistryClient({ urls: [server.url], timeoutMs: 1000 }))
  assert.equal((await schemas.register('s', '1')).tag, 'refused')
  assert.equal(schemas.known('s', '1'), undefined)
  assert.deepEqual(await schemas.register('s', '1'), { tag: 'id', id: 5 })
  assert.equal(schemas.known('s', '1'), 5)
})

test('subject and schema are not taken for another pair with the same letters', async () => {
  await using server = await AnsweringRegistry.start(({ before }) => `{"id":${before}}`)
  const schemas = new SharedSchemas(new RegistryClient({ urls: [server.url], timeoutMs: 1000 }))
  await schemas.register('ab', 'c')
  await schemas.register('a', 'bc')
  assert.deepEqual([schemas.known('ab', 'c'), schemas.known('a', 'bc'), schemas.known('abc', '')], [0, 1, undefined])
})
