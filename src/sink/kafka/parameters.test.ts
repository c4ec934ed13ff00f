import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { kafkaConfigFields, kafkaParameters } from './parameters.ts'

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')

// That nothing else is read, the compiler checks.
test('every parameter of a Kafka sink URI in the table is read', () => {
  const readers =
    read('kafka-uri.ts') +
    read('read-hosted.ts') +
    read('read-sasl.ts') +
    read('../certificates.ts') +
    read('../topic-names.ts')
  assert.deepEqual(
    Object.keys(kafkaParameters).filter((name) => !readers.includes(`'${name}'`)),
    [],
  )
})

test('kafka_sink_config reads the fields in the table and no others', () => {
  const readers = read('kafka-sink-config.ts') + read('../batching/read-batch-config.ts')
  const asked = readers.matchAll(/\.(?:any|text|integer|durationMs|object)\('(\w+)'\)/g)
  const fields = Object.values(kafkaConfigFields).flatMap((group) => Object.keys(group))
  assert.deepEqual([...new Set(Array.from(asked, ([, name]) => name))].sort(), fields.sort())
})
