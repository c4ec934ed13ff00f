// What tests of the Kafka sink alone share: specs, batches of messages, all that is in a topic.

import assert from 'node:assert/strict'
import { formatHlc } from '../../../src/core/hlc.ts'
import type { KafkaSinkSpec } from '../../../src/sink/kafka/spec.ts'
import { MessageBatch } from '../../../src/core/message-batch.ts'
import type { KafkaSink } from '../../../src/sink/kafka/kafka-sink.ts'
import type { Resolved } from '../../../src/sink/sink.ts'
import { open, type OpenOptions } from '../../../src/sink/kafka/open.ts'
import { until } from '../../support/until.ts'
import { TopicReader, type TopicMessage } from './topic-reader.ts'

const withinMs = 30_000

export function specOf(bootstrap: string, topic: string, changed: Partial<KafkaSinkSpec> = {}): KafkaSinkSpec {
  return {
    tag: 'kafka',
    brokers: bootstrap.split(','),
    topics: [topic],
    sources: ['table "t" (key columns: a, b)'],
    tls: undefined,
    sasl: undefined,
    clientId: 'test',
    acks: 'one',
    compression: 'none',
    compressionLevel: undefined,
    flush: { messages: 0, bytes: 0, frequencyMs: 0 },
    retry: { max: 10, backoffMs: 50 },
    ...changed,
  }
}

export function openSink(spec: KafkaSinkSpec, options: Partial<OpenOptions> = {}): Promise<KafkaSink> {
  return open(spec, { log: () => undefined, signal: new AbortController().signal, ...options })
}

export function batchOf(messages: readonly (readonly [key: string, value: string | undefined])[]): MessageBatch {
  const batch = new MessageBatch()
  for (const [key, value] of messages) {
    batch.begin(0)
    batch.bytes.utf8(key)
    batch.endKey()
    if (value !== undefined) batch.bytes.utf8(value)
    batch.end(value !== undefined)
  }
  return batch
}

/** A resolved message at `wall` nanoseconds. */
export function resolvedAt(wall: number): Resolved {
  const at = { wall: BigInt(wall), logical: 0 }
  return { at, payload: () => Buffer.from(`{"resolved":"${formatHlc(at)}"}`) }
}

/** `count` messages from `from` on, of 40 keys by turns; values `v<n>`. */
export function numbered(from: number, count: number): MessageBatch {
  return batchOf(Array.from({ length: count }, (_, i) => [`[${(from + i) % 40}]`, `v${from + i}`]))
}

/** All of `numbered` is there, of each key in order; gives how many came twice. A repeat comes only next to the first. */
export function checkNumbered(seen: readonly TopicMessage[], count: number): number {
  const places = new Map<string, number>()
  const numbers = new Set<number>()
  let repeats = 0
  for (const { key, value, partition } of seen) {
    if (key === null) continue
    const n = Number(value?.toString().slice(1))
    if (numbers.has(n)) repeats += 1
    else {
      const last = places.get(key.toString()) ?? -1
      assert.ok(n > last, `${n} of key ${key.toString()} in partition ${partition} came after ${last}`)
      places.set(key.toString(), n)
    }
    numbers.add(n)
  }
  const missing = Array.from({ length: count }, (_, n) => n).filter((n) => !numbers.has(n))
  assert.deepEqual(missing.slice(0, 10), [], `${missing.length} are missing`)
  return repeats
}

/** What is in the topic when there are at least `count` messages. */
export async function readAll(bootstrap: string, topic: string, count: number, what = ''): Promise<TopicMessage[]> {
  const messages: TopicMessage[] = []
  await using reader = new TopicReader(bootstrap, [topic], (message) => messages.push(message))
  assert.ok(reader)
  await until(`${count} messages ${what}`, withinMs, () => (messages.length >= count ? true : undefined)).catch(
    (error: Error) => assert.fail(`${error.message}; there are ${messages.length}`),
  )
  return messages
}
