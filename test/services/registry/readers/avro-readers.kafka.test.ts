// The readers that judge our Avro: what they print, and what they do with a schema that is not the writer's.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Producer } from '@platformatic/kafka'
import { endTogether, startTogether } from '../../../support/services.ts'
import { KafkaBroker } from '../../kafka/kafka-broker.ts'
import { avroType } from '../avro-decoder.ts'
import { skipWithoutRegistry as skip } from '../require-registry.ts'
import { SchemaRegistryServer } from '../schema-registry.ts'
import { javaReader } from './java-reader.ts'
import { avroReaders } from './readers.ts'

let registry: SchemaRegistryServer
let broker: KafkaBroker

before(async () => {
  if (skip !== false) return
  ;[registry, broker] = await startTogether(SchemaRegistryServer.start(), KafkaBroker.start())
})
after(() => endTogether(registry, broker))

const field = (name: string, type: unknown): object => ({ name, type: ['null', type], default: null })
const row = (...fields: readonly object[]): string => JSON.stringify({ type: 'record', name: 'office_dogs', fields })
const dogs = row(field('id', 'long'), field('name', 'string'))
const envelope = (after: string): string =>
  JSON.stringify({ type: 'record', name: 'office_dogs_envelope', fields: [field('after', JSON.parse(after))] })

async function message(subject: string, schema: string, value: unknown): Promise<Buffer> {
  const head = Buffer.alloc(5)
  head.writeInt32BE(await registry.register(subject, schema), 1)
  return Buffer.concat([head, avroType(JSON.parse(schema)).toBuffer(value)])
}

const petee = { after: { office_dogs: { id: { long: 2n ** 62n }, name: { string: 'Petée' } } } }
const peteeText = '{"after":{"office_dogs":{"id":{"long":4611686018427387904},"name":{"string":"Petée"}}}}'

test('each prints a message in the JSON encoding of Avro', { skip }, async (t) => {
  const bytes = await message('dogs-value', envelope(dogs), petee)
  const unknown = Buffer.from([0, 0, 0, 1, 0, 0])
  for (const { name, decode } of avroReaders((text) => t.diagnostic(text))) {
    const [text, error] = await decode(registry.url, [{ bytes }, { bytes: unknown }])
    assert.equal(text, peteeText, name)
    assert.match(error ?? '', /^error: /, name)
  }
})

test('each sees a message with a schema of its own', { skip }, async (t) => {
  const bytes = await message('dogs-value', envelope(dogs), petee)
  const more = envelope(row(field('id', 'long'), field('age', 'long')))
  const other = envelope(row(field('id', 'long'), field('name', 'boolean')))
  for (const { name, decode } of avroReaders((text) => t.diagnostic(text))) {
    const [text, error] = await decode(registry.url, [
      { bytes, reader: more },
      { bytes, reader: other },
    ])
    assert.equal(text, '{"after":{"office_dogs":{"id":{"long":4611686018427387904},"age":null}}}', name)
    assert.match(error ?? '', /^error: /, name)
  }
})

test('each reads keys and values of topics', { skip }, async (t) => {
  await broker.createTopic('dogs')
  const producer = new Producer({ clientId: 'test', bootstrapBrokers: [broker.bootstrap] })
  const key = await message('dogs-key', row(field('id', 'long')), { id: { long: 1n } })
  const value = await message('dogs-value', envelope(dogs), petee)
  await producer.send({ messages: [{ topic: 'dogs', key, value }] })
  await producer.close()
  const request = { broker: broker.bootstrap, registry: registry.url, topics: ['dogs'], count: 1 }
  for (const { name, consume } of avroReaders((text) => t.diagnostic(text)))
    assert.deepEqual(await consume(request), [{ key: '{"id":{"long":1}}', value: peteeText }], name)
})

test('Java finds bytes behind a value', { skip }, async () => {
  const bytes = Buffer.concat([await message('dogs-value', envelope(dogs), petee), Buffer.of(0)])
  assert.deepEqual(await javaReader.decode(registry.url, [{ bytes }]), ['error: bytes behind the value'])
})
