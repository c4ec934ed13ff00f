import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StallWatch, stallMs } from './stall.ts'

test('batches that are unconfirmed for some seconds are reported with the last error, until one is confirmed', () => {
  const watch = new StallWatch('Kafka')
  assert.equal(watch.stalled(false, 1000), undefined)
  assert.equal(watch.stalled(true, 1000 + stallMs - 1), undefined)
  const said = 'Kafka has confirmed nothing since 1970-01-01T00:00:01.000Z'
  assert.deepEqual(watch.stalled(true, 1000 + stallMs), { why: said })
  // The text does not change, so that a job reports it once.
  assert.deepEqual(watch.stalled(true, 1000 + 9 * stallMs), { why: said })
  watch.failed('sending to Kafka failed: it is away')
  assert.deepEqual(watch.stalled(true, 1000 + 9 * stallMs), {
    why: `${said}: sending to Kafka failed: it is away`,
  })

  watch.confirmed()
  const laterMs = 1000 + 10 * stallMs
  assert.equal(watch.stalled(true, laterMs), undefined)
  assert.equal(watch.stalled(true, laterMs + stallMs - 1), undefined)
  assert.deepEqual(watch.stalled(true, laterMs + stallMs), {
    why: `Kafka has confirmed nothing since ${new Date(laterMs).toISOString()}`,
  })
})

test('a sink that has nothing to send is not reported, however long that lasts', () => {
  const watch = new StallWatch('Kafka')
  for (const nowMs of [0, stallMs, 9 * stallMs]) assert.equal(watch.stalled(false, nowMs), undefined)
  assert.equal(watch.stalled(true, 10 * stallMs - 1), undefined)
})

test('a sink that is held up from the beginning is reported after some seconds, with the time since when', () => {
  const watch = new StallWatch('Kafka')
  const startMs = Date.UTC(2026, 0, 31)
  assert.equal(watch.stalled(true, startMs), undefined)
  assert.equal(watch.stalled(true, startMs + stallMs - 1), undefined)
  assert.deepEqual(watch.stalled(true, startMs + stallMs), {
    why: 'Kafka has confirmed nothing since 2026-01-31T00:00:00.000Z',
  })
})
