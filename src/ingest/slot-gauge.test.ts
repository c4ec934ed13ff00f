import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SlotReading } from './ingest.ts'
import { SlotGauge } from './slot-gauge.ts'

const reading = (clockMs: number, walEnd: bigint, safeBytes?: number): SlotReading => ({
  slot: 's',
  walStatus: 'reserved',
  retainedBytes: 10,
  safeBytes,
  walEnd,
  clockMs,
})

const left = ({ now }: SlotGauge): number | undefined => now?.secondsLeft
const age = ({ now }: SlotGauge): number | undefined => now?.ageMs

test('how long a slot lasts is reckoned from the rate of the last readings', () => {
  let atMs = 0
  const gauge = new SlotGauge(() => atMs)
  assert.equal(age(gauge), undefined)
  gauge.hear(reading(0, 0n, 100_000))
  assert.equal(left(gauge), undefined, 'one reading says nothing about a rate')
  gauge.hear(reading(5000, 5000n, 95_000))
  assert.equal(left(gauge), 95)
  atMs = 3000
  assert.equal(age(gauge), 3000, 'it ages while the source cannot be reached')
  gauge.hear(reading(10_000, 10_000n, -5))
  assert.equal(left(gauge), 0)
})

test('a slot without a limit, or of a server that writes nothing, lasts', () => {
  const gauge = new SlotGauge()
  gauge.hear(reading(0, 0n))
  gauge.hear(reading(5000, 9000n))
  assert.equal(left(gauge), undefined)
  const idle = new SlotGauge()
  idle.hear(reading(0, 7n, 100))
  idle.hear(reading(5000, 7n, 100))
  assert.equal(left(idle), undefined)
})

test('the readings of another server are not mixed with the earlier ones', () => {
  const gauge = new SlotGauge()
  gauge.hear(reading(0, 1_000_000n, 100))
  gauge.hear(reading(5000, 2_000_000n, 100))
  gauge.hear(reading(10_000, 500n, 100))
  assert.equal(left(gauge), undefined)
})
