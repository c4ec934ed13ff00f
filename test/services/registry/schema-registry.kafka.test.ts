// The registry that tests run against is what they take it for.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { RegistryFront } from './registry-front.ts'
import { SchemaRegistryServer } from './schema-registry.ts'
import { skipWithoutRegistry as skip } from './require-registry.ts'

let registry: SchemaRegistryServer

before(async () => {
  if (skip === false) registry = await SchemaRegistryServer.start()
})
after(async () => registry?.[Symbol.asyncDispose]())

function record(name: string, ...fields: readonly object[]): string {
  return JSON.stringify({ type: 'record', name, fields })
}

const nullable = { name: 'a', type: ['null', 'long'], default: null }

test('a schema has one id, whatever the subject, and its text comes back as it was', { skip }, async () => {
  const text = ` ${record('t', { ...nullable, __crdb__: 'a INT8' })}`
  const id = await registry.register('one-value', text)
  assert.equal(await registry.register('one-value', text), id)
  assert.equal(await registry.register('other-value', text), id)
  assert.equal(await registry.schema(id), text)
  assert.notEqual(await registry.register('one-value', record('t', { ...nullable, __crdb__: 'a INT4' })), id)
  assert.equal((await registry.versions('one-value')).length, 2)
  assert.deepEqual(await registry.subjects(), ['one-value', 'other-value'])
})

test('a subject refuses the changes that its compatibility rules out', { skip }, async () => {
  const first = record('t', nullable)
  for (const level of ['BACKWARD', 'FORWARD', 'FULL'] as const) {
    const subject = `${level}-value`
    await registry.setCompatibility(subject, level)
    await registry.register(subject, first)
    const more = record('t', nullable, { ...nullable, name: 'b' })
    await registry.register(subject, more)
    await registry.register(subject, first)
    await assert.rejects(registry.register(subject, record('u', nullable)), /: 409 /)
    const text = record('t', { ...nullable, type: ['null', 'string'] })
    await assert.rejects(registry.register(subject, text), /: 409 /)
  }
})

test('a registry that was stopped starts again on its port, with nothing in it', { skip }, async () => {
  await registry.register('kept-value', record('t', nullable))
  await registry.stop()
  await assert.rejects(fetch(`${registry.url}/subjects`))
  await registry.restart()
  assert.deepEqual(await registry.subjects(), [])
  assert.equal(await registry.register('kept-value', record('t', nullable)), 1)
})

test('a front asks for a user, and can close and open again', { skip }, async () => {
  await using front = await RegistryFront.start({
    to: registry.url,
    user: { name: 'me', password: 'secret' },
    path: '/below',
  })
  const ask = (user: string): Promise<Response> =>
    fetch(`${front.url}/subjects`, {
      headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` },
    })
  assert.equal((await ask('me:wrong')).status, 401)
  const answer = await ask('me:secret')
  assert.deepEqual([answer.status, await answer.json()], [200, await registry.subjects()])
  await front.close()
  await assert.rejects(ask('me:secret'))
  await front.open()
  assert.equal((await ask('me:secret')).status, 200)
  assert.equal(front.requests[0], 'GET /subjects')
})
