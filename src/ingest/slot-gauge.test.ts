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

test('a slot that falls behind lasts as long as what it may still keep, at the rate at which it has lost it', () => {
  const gauge = new SlotGauge(() => 0)
  assert.equal(age(gauge), undefined)
  gauge.hear(reading(0, 0n, 100_000))
  gauge.hear(reading(5000, 50_000n, 99_000))
  assert.equal(left(gauge), undefined, 'a few seconds say nothing about a rate')
  gauge.hear(reading(50_000, 500_000n, 90_000))
  assert.equal(left(gauge), 450)
  gauge.hear(reading(100_000, 1_000_000n, -5))
  assert.equal(left(gauge), 0)
})

test('a loss that is more than three days away is not said', () => {
  const gauge = new SlotGauge(() => 0)
  gauge.hear(reading(0, 0n, 10_000_000_000))
  gauge.hear(reading(60_000, 100_000n, 9_999_990_000))
  assert.equal(left(gauge), undefined)
})

test('a slot that keeps up lasts, however much is written; so does one without a limit', () => {
  const gauge = new SlotGauge(() => 0)
  gauge.hear(reading(0, 0n, 90_000))
  gauge.hear(reading(60_000, 900_000_000n, 91_000))
  assert.equal(left(gauge), undefined)
  const free = new SlotGauge(() => 0)
  free.hear(reading(0, 0n))
  free.hear(reading(60_000, 900_000_000n))
  assert.equal(left(free), undefined)
})

test('while the source cannot be reached, the slot loses as much as is written, and the reading ages', () => {
  let atMs = 0
  const gauge = new SlotGauge(() => atMs)
  gauge.hear(reading(0, 0n, 100_000))
  gauge.hear(reading(50_000, 50_000n, 100_000))
  assert.equal(left(gauge), undefined)
  atMs = 20_000
  assert.equal(age(gauge), 20_000)
  assert.equal(left(gauge), 80)
  atMs = 200_000
  assert.equal(left(gauge), 0)
})

test('the readings of another server are not mixed with the earlier ones', () => {
  const gauge = new SlotGauge(() => 0)
  gauge.hear(reading(0, 1_000_000n, 300))
  gauge.hear(reading(50_000, 2_000_000n, 200))
  gauge.hear(reading(100_000, 500n, 100))
  assert.equal(left(gauge), undefined)
})
