// What a sink promises when the far end does not take what it is sent: memory is bounded, the trouble is reported, nothing
// is lost once it is over, and what can never be delivered fails the sink.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { MessageBatch } from '../../src/core/message-batch.ts'
import { FeedError } from '../../src/errors/feed-error.ts'
import { settlesWithin } from '../support/deadline.ts'
import { until } from '../support/until.ts'
import { assertNumbered } from './sink-delivers.ts'
import { batchOf, fill, numbered, resolvedAt, sinkWithinMs, type SinkKit } from './sink-kit.ts'

const frontier = { wall: 1n, logical: 0 }
const mebibyte = 1024 * 1024
/** More than any sink may hold before it lets its caller wait. */
const mostHeldBytes = 32 * mebibyte

export function sinkInTrouble(kit: SinkKit): void {
  const { skip = false, tooLargeBytes, trouble } = kit
  if (trouble !== undefined) waitsForFarEnd(kit)
  if (trouble === 'reported') reportsTrouble(kit)
  const size = tooLargeBytes ?? 10 * mebibyte
  const ends = tooLargeBytes === undefined ? 'arrives' : 'fails the sink and is named without its key and value'
  test(`a message of ${size} bytes ${ends}`, { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(new AbortController().signal)
    const large = batchOf({ key: '["secret key"]', value: 'secret value'.padEnd(size, '.') })
    const sending = (async () => {
      await sink.emit(large)
      await sink.flush(frontier)
    })()
    if (tooLargeBytes === undefined) {
      await sending
      const seen = await far.delivered?.()
      if (seen !== undefined) assert.deepEqual([seen.length, seen[0]?.value?.length], [1, size])
      return
    }
    const failed = (error: unknown): boolean => {
      assert.ok(error instanceof FeedError)
      assert.doesNotMatch(`${error.message} ${error.hint ?? ''}`, /secret/)
      return true
    }
    await assert.rejects(sending, failed)
    // A sink that has failed stays failed.
    await assert.rejects(sink.emit(batchOf({ key: '[1]', value: 'v' })), failed)
    await assert.rejects(sink.flush(frontier), failed)
    if (sink.failed !== undefined) assert.equal(sink.failed.aborted, true)
  })
}

function waitsForFarEnd(kit: SinkKit): void {
  const { skip = false } = kit

  test(`memory is bounded while the far end takes nothing, and everything arrives once it does`, { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    await using sink = await far.open(new AbortController().signal)
    const filler = 'x'.repeat(1000)
    const [batches, perBatch] = [100, 500]
    let emitted = 0
    await far.break?.()
    let emitting
    try {
      emitting = (async () => {
        const batch = new MessageBatch()
        for (; emitted < batches; emitted++)
          await sink.emit(fill(batch, numbered(emitted * perBatch, perBatch, filler)))
        await sink.flush(frontier)
      })()
      let before = -1
      while (before !== emitted) {
        before = emitted
        // That nothing more is taken shows only when some time passes in which nothing is.
        await delay(500)
      }
      assert.ok(emitted * perBatch * filler.length < mostHeldBytes, `${emitted} batches of half a megabyte were taken`)
    } finally {
      await far.mend?.()
    }
    await settlesWithin(sinkWithinMs, 'everything is delivered', emitting)
    assertNumbered(await far.delivered?.(), batches * perBatch)
  })

  test('a flush waits for the far end, and an aborted signal ends the wait', { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    const abort = new AbortController()
    await using sink = await far.open(abort.signal)
    await far.break?.()
    try {
      const waiting = (async () => {
        for (let from = 0; from < 50_000; from += 500) {
          await sink.emit(fill(new MessageBatch(), numbered(from, 500, 'x'.repeat(1000))))
          await sink.flush(frontier)
        }
        return 'nothing waited'
      })().catch(String)
      // That it waits shows only when some time passes.
      assert.equal(await Promise.race([waiting, delay(200)]), undefined)
      abort.abort(new Error('enough'))
      assert.match(await settlesWithin(2000, 'the wait ends', waiting), /enough/)
    } finally {
      await far.mend?.()
    }
  })
}

function reportsTrouble(kit: SinkKit): void {
  const { skip = false } = kit

  test(
    `a far end that confirms nothing for long is reported until it does, and is then forgotten`,
    { skip },
    async () => {
      const far = await kit.destination({ topics: 1 })
      await using sink = await far.open(new AbortController().signal)
      // The sink is asked with times of the tests, so that a long silence takes no time.
      const minuteMs = 60_000
      let nowMs = Date.now()
      assert.equal(sink.stalled?.(nowMs), undefined)
      assert.equal(sink.stalled?.((nowMs += minuteMs)), undefined, 'nothing was emitted, so nothing can be confirmed')
      await far.break?.()
      try {
        await sink.emit(batchOf({ key: '[1]', value: '0' }))
        const flushing = sink.flush(frontier)
        assert.equal(sink.stalled?.(nowMs), undefined)
        assert.match(sink.stalled?.((nowMs += minuteMs))?.why ?? 'nothing is reported', /since/)
        await far.mend?.()
        await settlesWithin(sinkWithinMs, 'the flush', flushing)
      } finally {
        await far.mend?.()
      }
      assert.equal(sink.stalled?.((nowMs += minuteMs)), undefined)
    },
  )

  test(`a sink that gives up between calls says so by failed, and every later call throws why`, { skip }, async () => {
    const far = await kit.destination({ topics: 1, isImpatient: true })
    await using sink = await far.open(new AbortController().signal)
    const { failed } = sink
    assert.ok(failed !== undefined)
    await far.break?.()
    try {
      await sink.emit(batchOf({ key: '[1]', value: 'v' }))
      // A sink may let its caller wait until everything before the resolved message is delivered.
      const resolving = sink.emitResolved(resolvedAt(1n)).catch(() => undefined)
      await until('the sink has failed', sinkWithinMs, () => (failed.aborted ? true : undefined))
      await resolving
      await assert.rejects(sink.emit(batchOf({ key: '[2]', value: 'v' })), failed.reason as Error)
      await assert.rejects(sink.emitResolved(resolvedAt(1n)), failed.reason as Error)
      await assert.rejects(sink.flush(frontier), failed.reason as Error)
    } finally {
      await far.mend?.()
    }
  })

  test('an aborted signal ends the opening of a sink whose far end does not answer', { skip }, async () => {
    const far = await kit.destination({ topics: 1 })
    const abort = new AbortController()
    await far.break?.()
    try {
      const opening = assert.rejects(far.open(abort.signal), /enough/)
      abort.abort(new Error('enough'))
      await settlesWithin(2000, 'the opening ends', opening)
    } finally {
      await far.mend?.()
    }
  })
}
