// Which points of metrics are kept: over restarts, for a week, in how much room, and when clocks jump.

import assert from 'node:assert/strict'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, cluster, folder, ofJob, open, startMs, valuesOf } from '../../../test/support/points-under-test.ts'
import { maxSeries } from './hour.ts'
import { hourMs, slotMs, slotsPerHour } from './series-key.ts'

test('points are there after a restart, also one without a farewell, and what a crash has torn is cut off', async (t) => {
  const dir = folder(t)
  const first = open(dir)
  for (let i = 0; i < 5; i++) first.record(startMs + i * slotMs, new Map([[cluster('a'), i]]))
  // It is not closed: the program was killed.
  const second = open(dir)
  second.record(startMs + 5 * slotMs, new Map([[cluster('a'), 5]]))
  assert.deepEqual(await valuesOf(second, 6), [0, 1, 2, 3, 4, 5])
  await second.close()

  const [journal = ''] = readdirSync(dir)
  truncateSync(join(dir, journal), statSync(join(dir, journal)).size - 3)
  const third = open(dir)
  third.record(startMs + 6 * slotMs, new Map([[cluster('a'), 6]]))
  await third.close()
  const fourth = open(dir)
  fourth.record(startMs + 7 * slotMs, new Map([[cluster('a'), 7]]))
  assert.deepEqual(await valuesOf(fourth, 8), [0, 1, 2, 3, 4, null, 6, 7])
  await fourth.close()
})

test('a week of points: all are there, no more hours are kept than wanted, and one question finds them', async (t) => {
  const dir = folder(t)
  const points = open(dir, { keptHours: 7 * 24 + 1 })
  const hours = 8 * 24
  for (let hour = 0; hour < hours; hour++)
    for (let slot = 0; slot < slotsPerHour; slot += 6) {
      const nowMs = startMs + hour * hourMs + slot * slotMs
      points.record(nowMs, new Map([[cluster('a'), hour]]))
    }
  const weekMs = 7 * 24 * hourMs
  const endMs = startMs + hours * hourMs
  const { series } = await ask(points, { fromMs: endMs - weekMs, toMs: endMs, stepMs: hourMs, downsample: 'max' })
  assert.deepEqual(
    series[0]?.values,
    Array.from({ length: 7 * 24 }, (_, i) => hours - 7 * 24 + i),
  )
  await points.close()
  assert.equal(readdirSync(dir).length, 7 * 24 + 1)
  const again = open(dir)
  const { series: after } = await ask(again, { fromMs: endMs - weekMs, toMs: endMs, stepMs: hourMs, downsample: 'max' })
  assert.deepEqual(after, series)
  await again.close()
})

test('500 busy jobs take less than 50 MB a day, and their present hour little memory', async (t) => {
  const dir = folder(t)
  const points = open(dir)
  let random = 1
  const next = (): number => (random = (random * 48_271) % 2_147_483_647) / 2_147_483_647
  const counts = new Float64Array(500)
  for (let slot = 0; slot <= slotsPerHour; slot++) {
    const values = new Map<string, number>()
    for (let job = 0; job < 500; job++) {
      counts[job] = (counts[job] as number) + Math.floor(next() * 20_000)
      values.set(ofJob('changefeed.checkpoint_lag', job), Math.floor(next() * 30_000) * 1e6)
      values.set(ofJob('changefeed.emitted_messages', job), counts[job] as number)
      values.set(ofJob('changefeed.emitted_bytes', job), (counts[job] as number) * 173)
      values.set(ofJob('changefeed.sink_errors', job), 0)
    }
    for (let i = 0; i < 120; i++) values.set(cluster(`metric${i}`), Math.floor(next() * 1e6) / 1000)
    points.record(startMs + slot * slotMs, values)
  }
  const { series } = await ask(points, {
    name: 'changefeed.checkpoint_lag',
    of: 'job',
    fromMs: startMs,
    toMs: startMs + hourMs,
    aggregate: undefined,
  })
  assert.equal(series.length, 500)
  await points.close()
  const bytes = statSync(join(dir, `${startMs / hourMs}.points`)).size
  t.diagnostic(`${((bytes * 24) / 1e6).toFixed(1)} MB a day`)
  assert.ok(bytes * 24 < 50e6, `${bytes} bytes an hour`)
})

test('no more bytes are kept than wanted; the oldest hours go first', async (t) => {
  const dir = folder(t)
  const points = open(dir, { keptBytes: 20_000 })
  for (let hour = 0; hour < 20; hour++) {
    for (let slot = 0; slot < slotsPerHour; slot++)
      points.record(
        startMs + hour * hourMs + slot * slotMs,
        new Map([[cluster('a'), (hour * 7919 * slot) % 1_000_003]]),
      )
    await points.idle()
  }
  await points.close()
  const kept = readdirSync(dir).filter((name) => name.endsWith('.points'))
  assert.ok(kept.length > 2 && kept.length < 20, String(kept.length))
  assert.ok(kept.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0) <= 20_000)
  assert.ok(kept.includes(`${startMs / hourMs + 18}.points`))
})

test('a clock that jumps back fills what is missing and writes over the rest; one that jumps ahead removes nothing', async (t) => {
  const dir = folder(t)
  const points = open(dir)
  const put = (ms: number, value: number): void => points.record(ms, new Map([[cluster('a'), value]]))
  put(startMs, 1)
  put(startMs + slotMs, 2)
  put(startMs + hourMs, 3)
  await points.idle()
  // An hour back: the block of that hour is there already.
  put(startMs + slotMs, 20)
  put(startMs + 2 * slotMs, 30)
  assert.deepEqual(await valuesOf(points, 3), [1, 20, 30])
  const yearMs = 365 * 24 * hourMs
  put(startMs + yearMs, 4)
  await points.idle()
  put(startMs + 2 * hourMs, 5)
  assert.deepEqual(await valuesOf(points, 3), [1, 20, 30])
  assert.deepEqual(await valuesOf(points, 1, startMs + hourMs), [3])
  assert.deepEqual(await valuesOf(points, 1, startMs + yearMs), [4])
  await points.close()
  const again = open(dir)
  assert.deepEqual(await valuesOf(again, 3), [1, 20, 30])
  await again.close()
})

test('the present hour keeps its journal however fast hours follow each other', async (t) => {
  const dir = folder(t)
  const points = open(dir)
  for (let hour = 0; hour < 5; hour++) points.record(startMs + hour * hourMs, new Map([[cluster('a'), hour]]))
  await points.idle()
  points.record(startMs + 4 * hourMs + slotMs, new Map([[cluster('a'), 40]]))
  await points.close()
  const names = readdirSync(dir)
  assert.deepEqual(
    names.filter((name) => name.endsWith('.journal')),
    [`${startMs / hourMs + 4}.journal`],
  )
  const again = open(dir)
  assert.deepEqual(await valuesOf(again, 2, startMs + 4 * hourMs), [4, 40])
  await again.close()
})

test('more series than are kept are said once, and those that came first have all their points', async (t) => {
  const said: string[] = []
  const points = open(folder(t), { warn: (text) => said.push(text) })
  for (let slot = 0; slot < 3; slot++) {
    const values = new Map([[cluster('a'), slot]])
    for (let n = 0; n < maxSeries + 5; n++) values.set(ofJob('b', n), 1)
    points.record(startMs + slot * slotMs, values)
  }
  assert.deepEqual(await valuesOf(points, 3), [0, 1, 2])
  assert.equal(said.length, 1)
  assert.match(said[0] ?? '', /more than 20000 series/)
  await points.close()
})
