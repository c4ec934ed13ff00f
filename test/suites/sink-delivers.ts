// What a sink promises of messages while all is well: order, ownership of the batch, durability, and that every shape
// of message arrives as it is.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MessageBatch } from '../../src/core/message-batch.ts'
import {
  batchOf,
  fill,
  numbered,
  resolvedAt,
  type Delivered,
  type Destination,
  type SinkKit,
  type TestMessage,
} from './sink-kit.ts'

const frontier = { wall: 1n, logical: 0 }
const signal = new AbortController().signal

/** What the far end has; undefined where there is none. */
async function rowsOf(far: Destination): Promise<readonly Delivered[] | undefined> {
  return (await far.delivered?.())?.filter(({ key }) => key !== undefined)
}

/** All of `numbered(0, count)` are there once, in the order of their key, each key in one partition. */
export function assertNumbered(seen: readonly Delivered[] | undefined, count: number): void {
  if (seen === undefined) return
  const last = new Map<string, { readonly n: number; readonly partition: number }>()
  for (const { key = '', value, partition } of seen) {
    const n = Number.parseInt(String(value), 10)
    const previous = last.get(key)
    if (previous !== undefined) {
      assert.ok(n > previous.n, `${n} of key ${key} came after ${previous.n}`)
      assert.equal(partition, previous.partition, `key ${key} moved to another partition`)
    }
    last.set(key, { n, partition })
  }
  assert.equal(seen.length, count)
}

export function sinkDelivers(kit: SinkKit): void {
  const { skip = false } = kit

  test('messages of one key arrive once and in order, within and across batches', { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(signal)
    const batch = new MessageBatch()
    for (let from = 0; from < 5000; from += 500) await sink.emit(fill(batch, numbered(from, 500)))
    await sink.flush(frontier)
    assertNumbered(await rowsOf(far), 5000)
  })

  test("a batch is the caller's again once emit has settled", { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(signal)
    const batch = new MessageBatch()
    for (let from = 0; from < 1000; from += 100) {
      await sink.emit(fill(batch, numbered(from, 100)))
      batch.bytes.buffer.fill(0x58)
      for (const column of [batch.keyStarts, batch.valueStarts, batch.valueEnds]) column.fill(3)
    }
    await sink.flush(frontier)
    assertNumbered(await rowsOf(far), 1000)
  })

  test(`everything that was emitted before a flush is at the far end when the flush settles`, { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(signal)
    for (let count = 1; count <= 3; count++) {
      await sink.emit(fill(new MessageBatch(), numbered(count - 1, 1)))
      // There is no frontier yet while a table is scanned for the first time.
      await sink.flush(count === 1 ? undefined : { wall: BigInt(count), logical: 0 })
      assertNumbered(await rowsOf(far), count)
    }
  })

  test('a flush with nothing before it settles, and an empty batch delivers nothing', { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(signal)
    await sink.flush(undefined)
    await sink.emit(new MessageBatch())
    await sink.flush(frontier)
    assertNumbered(await rowsOf(far), 0)
  })

  test(
    `a resolved message reaches every topic and partition, after all that was emitted before it`,
    { skip },
    async () => {
      const topics = 3
      const far = await kit.destination({ topics })
      await using sink = await far.open(signal)
      const ofTopics = (from: number): TestMessage[] =>
        Array.from(numbered(from, 90), (message, i) => ({ ...message, topic: i % topics }))
      await sink.emit(fill(new MessageBatch(), ofTopics(0)))
      await sink.emitResolved(resolvedAt(1n))
      await sink.emit(fill(new MessageBatch(), ofTopics(90)))
      await sink.emitResolved(resolvedAt(2n))
      await sink.flush({ wall: 2n, logical: 0 })
      const seen = await far.delivered?.()
      if (seen === undefined) return
      const resolved = seen.filter(({ key }) => key === undefined)
      for (const wall of ['1', '2']) {
        const own = resolved.filter(({ value }) => String(value).includes(`"resolved":"${wall}"`))
        assert.equal(own.length, kit.resolvedMessages(topics))
        for (const { topic, value } of own)
          if (topic !== undefined)
            assert.ok(String(value).endsWith(`"topic":${topic}}`), 'the payload is that of the topic')
      }
      // In each partition: rows below 90, the first resolved message, rows from 90 on, the second one.
      const phases = new Map<string, number>()
      for (const { topic, partition, key, value } of seen) {
        const places = topic === undefined ? [...phases.keys()] : [`${topic} ${partition}`]
        for (const place of places) {
          const phase = phases.get(place) ?? 0
          if (key === undefined) phases.set(place, phase + 1)
          else assert.equal(Number.parseInt(String(value), 10) < 90 ? 0 : 1, phase, `${place}: ${String(value)}`)
        }
        if (key !== undefined && !phases.has(places[0] ?? '')) phases.set(places[0] ?? '', 0)
      }
      assert.equal(seen.length - resolved.length, 180)
    },
  )

  test('no value, an empty value, an empty key and any bytes arrive as they are', { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(signal)
    const messages: readonly TestMessage[] = [
      { key: '[1]', value: undefined },
      { key: '[2]', value: '' },
      { key: '', value: 'of an empty key' },
      { key: '["é\u{1F600}\0"]', value: '\\x "quoted"\n\u0001' },
      { key: 'k'.repeat(5000), value: 'v' },
    ]
    await sink.emit(batchOf(...messages))
    await sink.flush(frontier)
    const seen = await rowsOf(far)
    if (seen === undefined) return
    const text = (value: Buffer | null | undefined): string | undefined =>
      value === null ? (kit.keepsNilValues ? undefined : '') : String(value)
    for (const { key, value } of messages) {
      const found: readonly Delivered[] = seen.filter((message) => message.key === key)
      assert.equal(found.length, 1, `the message of key ${JSON.stringify(key).slice(0, 30)}`)
      assert.equal(text(found[0]?.value), value ?? (kit.keepsNilValues ? undefined : ''))
    }
    assert.equal(seen.length, messages.length)
  })

  test(`a batch larger than any buffer arrives, and so does a message of half a megabyte`, { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(signal)
    await sink.emit(fill(new MessageBatch(), numbered(0, 20_000, 'x'.repeat(1000))))
    await sink.emit(fill(new MessageBatch(), numbered(20_000, 1, 'y'.repeat(500_000))))
    await sink.flush(frontier)
    const seen = await rowsOf(far)
    assertNumbered(seen, 20_001)
    if (seen !== undefined) assert.equal(Math.max(...seen.map(({ value }) => value?.length ?? 0)), 500_006)
  })

  test('the messages of one batch may be written with several schemas', { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(signal)
    await sink.emit(
      fill(
        new MessageBatch(),
        Array.from(numbered(0, 80), (message, i) => ({ ...message, schema: i % 3 })),
      ),
    )
    await sink.emit(
      fill(
        new MessageBatch(),
        Array.from(numbered(80, 80), (message) => ({ ...message, schema: 7 })),
      ),
    )
    await sink.flush(frontier)
    assertNumbered(await rowsOf(far), 160)
  })
}
