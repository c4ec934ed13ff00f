// What a sink counts of what it does: every message once, when the far end has confirmed it; and of a far end in trouble what was
// tried, and nothing as delivered.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedMeter, type FeedMeter } from '../../src/core/feed-meter.ts'
import { MessageBatch } from '../../src/core/message-batch.ts'
import { until } from '../support/until.ts'
import { batchOf, fill, numbered, resolvedAt, sinkWithinMs, type SinkKit, type TestMessage } from './sink-kit.ts'

const frontier = { wall: 1n, logical: 0 }
/** Long, so that what a test puts around a message is little. */
const filler = 'x'.repeat(400)

export function sinkCounts(kit: SinkKit): void {
  const { skip = false, counts = true, trouble } = kit
  if (!counts) return

  test('a message is counted once, when it is delivered, and then nothing is on its way', { skip }, async () => {
    const topics = 3
    const far = await kit.destination({ topics })
    const messages: readonly TestMessage[] = [
      ...Array.from(numbered(0, 300, filler), (message, i) => ({ ...message, topic: i % topics })),
      { key: '[7]', value: undefined },
    ]
    const batch = fill(new MessageBatch(), messages)
    // A topic that was made a moment ago may have no leader yet, which a sink counts as trouble.
    await using first = await far.open(new AbortController().signal)
    await first.emit(batch)
    await first.flush(frontier)
    const meter = feedMeter()
    await using sink = await far.open(new AbortController().signal, meter)
    const bytes = batch.bytes.length
    const before = far.requests?.() ?? 0
    await sink.emit(batch)
    await sink.flush(frontier)
    assert.equal(meter.value('messages'), messages.length)
    assert.ok(within(meter.value('bytes'), bytes, 1.2), `${meter.value('bytes')} of ${bytes}`)
    assert.equal(meter.histogram('batchMessages').sum, messages.length)
    assert.ok(meter.value('flushedBytes') > 0)
    const flushed = meter.value('flushedBytes')
    await sink.emitResolved(resolvedAt(2n))
    await sink.flush({ wall: 2n, logical: 0 })
    // Beside the bytes that are sent, the feed counts resolved messages.
    assert.ok(meter.value('flushedBytes') > flushed)
    assert.equal(meter.value('messages'), messages.length)
    assertQuiet(meter)
    for (const name of ['sinkErrors', 'sinkRetries'] as const) assert.equal(meter.value(name), 0, name)
    if (far.delivered === undefined) return
    assert.equal(meter.value('bytesOut'), meter.value('flushedBytes'))
    assert.ok(meter.value('sinkRequests') > 0)
    if (far.requests !== undefined) assert.equal(meter.value('sinkRequests'), far.requests() - before)
    assert.equal(countOf(meter, 'send'), meter.value('sinkRequests'))
  })

  if (trouble === 'reported') inTrouble(kit)
}

function inTrouble(kit: SinkKit): void {
  const { skip = false } = kit

  test(
    'what a far end does not take is tried again, and is counted as that and not as delivered',
    { skip },
    async () => {
      const far = await kit.destination({ topics: 1, isImpatient: true })
      const meter = feedMeter()
      await using sink = await far.open(new AbortController().signal, meter)
      const { failed } = sink
      await far.break?.()
      try {
        const value = `v ${filler}`
        await sink.emit(batchOf({ key: '[1]', value }))
        void sink.flush(frontier).catch(() => undefined)
        await until('the sink has failed', sinkWithinMs, () => (failed?.aborted === true ? true : undefined))
        assert.equal(meter.value('messages'), 0)
        assert.equal(meter.value('flushedBytes'), 0)
        assert.ok(meter.value('sinkErrors') >= 2, String(meter.value('sinkErrors')))
        assert.ok(meter.value('sinkRetries') >= 1)
        assert.ok(meter.value('sinkRequests') >= meter.value('sinkErrors'))
        assert.ok(meter.value('bytesOut') >= 2 * value.length, String(meter.value('bytesOut')))
      } finally {
        await far.mend?.()
      }
    },
  )
}

function assertQuiet(meter: FeedMeter): void {
  for (const name of ['inFlightMessages', 'retryingMessages', 'pendingMessages', 'bufferedBytes'] as const)
    assert.equal(meter.value(name), 0, name)
}

function countOf(meter: FeedMeter, name: 'send'): number {
  return meter.histogram(name).counts.reduce((sum, count) => sum + count, 0)
}

function within(value: number, least: number, factor: number): boolean {
  return value >= least && value <= factor * least
}
