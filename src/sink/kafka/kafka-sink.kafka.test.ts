import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../../../test/support/until.ts'
import { sinkSuite } from '../../../test/suites/sink-suite.ts'
import { KafkaBroker } from '../../../test/services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../../../test/services/kafka/require-kafka.ts'
import { kafkaKit } from '../../../test/services/kafka/kafka-destination.ts'
import { batchOf, openSink, readAll, resolvedAt, specOf } from '../../../test/services/kafka/sink-kit.ts'
import type { KafkaSinkSpec } from './spec.ts'
import { partitionOf } from './partitioner.ts'

const withinMs = 20_000
let broker: KafkaBroker
before(async () => {
  if (skip === false) broker = await KafkaBroker.start({ properties: ['message.max.bytes=200000'] })
})
after(async () => broker?.[Symbol.asyncDispose]())

let topics = 0
async function topic(partitions = 1): Promise<string> {
  const name = `sink_${++topics}`
  await broker.createTopic(name, partitions)
  return name
}

test(
  'with each codec and each kind of acks, messages arrive once, in the partition of their key and in order',
  { skip },
  async () => {
    const variants: readonly Partial<KafkaSinkSpec>[] = [
      {},
      { acks: 'all' },
      { acks: 'none' },
      { compression: 'gzip', compressionLevel: -2 },
      { compression: 'snappy' },
      { compression: 'lz4', acks: 'all' },
      { compression: 'zstd', compressionLevel: 3 },
      { flush: { messages: 50, bytes: 0, frequencyMs: 20 } },
    ]
    for (const changed of variants) {
      const name = await topic(3)
      await using sink = await openSink(specOf(broker.bootstrap, name, changed))
      const count = 3000
      for (let from = 0; from < count; from += 500) {
        await sink.emit(batchOf(Array.from({ length: 500 }, (_, i) => [`[${(from + i) % 40}]`, `v${from + i}`])))
      }
      await sink.emit(batchOf([['[7]', undefined]]))
      await sink.flush()
      const what = JSON.stringify(changed)
      const seen = await readAll(broker.bootstrap, name, count + 1, what)
      assert.equal(seen.length, count + 1, what)
      for (let key = 0; key < 40; key++) {
        const text = `[${key}]`
        const own = seen.filter((message) => message.key?.toString() === text)
        const partition = partitionOf(Buffer.from(text), 0, text.length, 3)
        assert.deepEqual(new Set(own.map((message) => message.partition)), new Set([partition]), what)
        const numbers = own.flatMap(({ value }) => (value === null ? [] : [Number(value.toString().slice(1))]))
        assert.deepEqual(
          numbers,
          [...numbers].sort((a, b) => a - b),
          what,
        )
        if (key === 7) assert.equal(own.at(-1)?.value, null, what)
      }
    }
  },
)

test('a resolved message goes to every partition, also to those that are added later', { skip }, async () => {
  const name = await topic(2)
  await using sink = await openSink(specOf(broker.bootstrap, name), { refreshMs: 0 })
  await sink.emitResolved(resolvedAt(1))
  await sink.flush()
  await broker.growTopic(name, 4)
  await until('the sink sees the new partitions', withinMs, async () => {
    await sink.emitResolved(resolvedAt(2))
    await sink.flush()
    const seen = await readAll(broker.bootstrap, name, 3)
    return new Set(seen.map(({ partition }) => partition)).size === 4 ? true : undefined
  })
})

test(
  'a batch that is too large is halved until it fits; the error for a message that is too large contains no value',
  { skip },
  async () => {
    const name = await topic()
    await using sink = await openSink(specOf(broker.bootstrap, name))
    const value = 'v'.repeat(30_000)
    await sink.emit(batchOf(Array.from({ length: 25 }, (_, i) => [`[${i}]`, value])))
    await sink.flush()
    const seen = await readAll(broker.bootstrap, name, 25)
    assert.deepEqual(
      seen.map(({ key }) => key?.toString()),
      Array.from({ length: 25 }, (_, i) => `[${i}]`),
    )
    // It follows a small message, with which it shares a batch at first.
    const batch = batchOf([
      ['["a"]', 'small'],
      ['["secret key"]', 'secret value'.repeat(30_000)],
    ])
    batch.largeTimes.set(1, '1700000000000000001.0000000002')
    await sink.emit(batch)
    await assert.rejects(sink.flush(), (error: Error) => {
      assert.match(
        error.message,
        /^message too large: a row of table "t" \(key columns: a, b\) gives a message that topic sink_\d+ does not take \(size=36\d{4}, mvcc=1700000000000000001\.0000000002\)$/,
      )
      return true
    })
  },
)

test('without acks, a flush throws why the broker refused a message', { skip }, async () => {
  const name = await topic()
  await using sink = await openSink(specOf(broker.bootstrap, name, { acks: 'none' }))
  await sink.emit(batchOf([['[1]', 'small']]))
  await sink.flush()
  await sink.emit(batchOf([['[2]', 'x'.repeat(300_000)]]))
  await assert.rejects(sink.flush(), /^FeedError: message too large: a row of table/)
  assert.equal((await readAll(broker.bootstrap, name, 1)).length, 1)
})

test(
  'memory is bounded while the broker is away, and everything arrives when it is back',
  { skip, timeout: 300_000 },
  async () => {
    const name = await topic()
    await using sink = await openSink(
      specOf(broker.bootstrap, name, { acks: 'all', retry: { max: Number.POSITIVE_INFINITY, backoffMs: 50 } }),
    )
    await broker.kill()
    let emitted = 0
    const emitting = (async () => {
      for (; emitted < 40; emitted++)
        await sink.emit(batchOf(Array.from({ length: 500 }, (_, i) => [`[${emitted * 500 + i}]`, 'x'.repeat(1000)])))
      await sink.flush()
    })()
    await until('the sink takes no more', withinMs, () => (emitted >= 16 ? true : undefined))
    assert.ok(emitted < 25, `${emitted} batches of half a megabyte were taken`)
    await broker.restart()
    await emitting
    const seen = await readAll(broker.bootstrap, name, 20_000)
    assert.equal(new Set(seen.map(({ key }) => key?.toString())).size, 20_000)
    assert.equal(seen.length, 20_000)
  },
)

test('an aborted signal ends a flush, and the sink closes at once', { skip }, async () => {
  const name = await topic()
  const abort = new AbortController()
  const sink = await openSink(specOf(broker.bootstrap, name), { signal: abort.signal })
  await broker.kill()
  await sink.emit(batchOf([['[1]', 'one']]))
  const flushing = sink.flush()
  abort.abort(new Error('enough'))
  await assert.rejects(flushing, /enough/)
  const startedAt = performance.now()
  await sink[Symbol.asyncDispose]()
  assert.ok(performance.now() - startedAt < 2000)
  await broker.restart()
})

sinkSuite('kafka', kafkaKit())
sinkSuite('kafka, idempotent', kafkaKit({ acks: 'all' }))
