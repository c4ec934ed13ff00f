import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { mountDisk, skipWithoutDisk, unmountDisk } from '../../../test/support/small-disk.ts'
import type { SeriesQuery } from '../../core/series.ts'
import { maxSeries } from './hour.ts'
import { MetricPoints, type MetricPointsOptions } from './metric-points.ts'
import { decodeSeries, encodeSeries } from './series-code.ts'
import { hourMs, keyText, slotMs, slotsPerHour } from './series-key.ts'

const startMs = 400_000 * hourMs
const cluster = (name: string): string => keyText({ name, of: 'cluster', id: '' })
const ofJob = (name: string, id: number): string => keyText({ name, of: 'job', id: String(id) })

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'points-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function open(dir: string, options: Partial<MetricPointsOptions> = {}): MetricPoints {
  return new MetricPoints({ dir, warn: (text) => assert.fail(text), ...options })
}

async function ask(points: MetricPoints, query: Partial<SeriesQuery> & Pick<SeriesQuery, 'fromMs' | 'toMs'>) {
  const rest = { name: 'a', of: 'cluster', stepMs: slotMs, downsample: 'avg', rate: 'none', aggregate: 'sum' } as const
  return points.query({ ...rest, ...query })
}

async function valuesOf(points: MetricPoints, slots: number, fromMs = startMs): Promise<readonly (number | null)[]> {
  const { series } = await ask(points, { fromMs, toMs: fromMs + slots * slotMs })
  return series[0]?.values ?? []
}

test('what is encoded is decoded, to the precision of a graph', () => {
  const value = [
    fc.integer({ min: -1e9, max: 1e12 }),
    fc.integer({ min: 0, max: 1e6 }).map((ms) => ms * 1e6),
    fc.integer({ min: 0, max: 1e9 }).map((n) => n / 1000),
    fc.integer({ min: 0, max: 1e6 }).map((n) => 1.8e18 + n * 1e9),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e12 }),
  ]
  const lists = value.map((one) =>
    fc.array(fc.oneof(one, fc.constant(Number.NaN), fc.constant(0)), { maxLength: slotsPerHour }),
  )
  fc.assert(
    fc.property(fc.oneof(...lists), (list) => {
      const values = new Float64Array(slotsPerHour).fill(Number.NaN)
      values.set(list)
      const most = values.reduce((so, one) => (Number.isNaN(one) ? so : Math.max(so, Math.abs(one))), 0)
      for (const [i, decoded] of decodeSeries(encodeSeries(values)).entries()) {
        const wanted = values[i] as number
        if (Number.isNaN(wanted)) assert.ok(Number.isNaN(decoded))
        else assert.ok(Math.abs(decoded - wanted) <= 0.0005 + most * 1e-11, `${decoded} for ${wanted}`)
      }
    }),
    { numRuns: 200 },
  )
})

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

test('rates are per second, a counter that begins anew stands still, and several series become one', async (t) => {
  const points = open(folder(t))
  const counts = [
    [0, 100, 200, 0, 50],
    [0, 10, 20, 30, 40],
  ]
  for (let slot = 0; slot < 5; slot++)
    points.record(
      startMs + slot * slotMs,
      new Map(counts.map((count, job) => [ofJob('c', job), count[slot] as number])),
    )
  const span = { name: 'c', of: 'job', fromMs: startMs + slotMs, toMs: startMs + 5 * slotMs } as const
  const each = await ask(points, { ...span, rate: 'non_negative', aggregate: undefined })
  assert.deepEqual(
    each.series.map(({ id, values }) => [id, values]),
    [
      ['0', [10, 10, 0, 5]],
      ['1', [1, 1, 1, 1]],
    ],
  )
  const of = async (query: Partial<SeriesQuery>) => (await ask(points, { ...span, ...query })).series[0]?.values
  assert.deepEqual(await of({ rate: 'non_negative' }), [11, 11, 1, 6])
  assert.deepEqual(await of({ rate: 'rate', ids: ['0'] }), [10, 10, -20, 5])
  assert.deepEqual(await of({ aggregate: 'max' }), [100, 200, 30, 50])
  assert.deepEqual(await of({ aggregate: 'min', stepMs: 2 * slotMs, downsample: 'max', fromMs: startMs }), [10, 30, 40])
  assert.deepEqual(await of({ aggregate: 'avg', ids: ['0', '1'] }), [55, 110, 15, 45])
  assert.deepEqual(await of({ name: 'nothing' }), [null, null, null, null])
  await points.close()
})

test('a long time has steps as long as the most steps of an answer need', async (t) => {
  const points = open(folder(t))
  points.record(startMs, new Map([[cluster('a'), 1]]))
  const { stepMs, series } = await ask(points, { fromMs: startMs - 30 * 24 * hourMs, toMs: startMs + hourMs })
  assert.ok(stepMs % slotMs === 0 && stepMs > slotMs)
  assert.ok((series[0]?.values.length ?? 0) <= 2000)
  assert.equal(
    series[0]?.values.findLast((value) => value !== null),
    1,
  )
  await points.close()
})

test('a folder that cannot be used is said once, and nothing else happens', async (t) => {
  const dir = join(folder(t), 'points')
  writeFileSync(dir, 'a file')
  const said: string[] = []
  const points = new MetricPoints({ dir, warn: (text) => said.push(text) })
  for (let i = 0; i < 3; i++) points.record(startMs + i * slotMs, new Map([[cluster('a'), i]]))
  assert.deepEqual((await ask(points, { fromMs: startMs, toMs: startMs + hourMs })).series[0]?.values[0], null)
  await points.close()
  assert.equal(said.length, 1)
})

test('a folder that was removed is made again for the next hour', async (t) => {
  const dir = folder(t)
  const points = open(dir)
  points.record(startMs, new Map([[cluster('a'), 1]]))
  rmSync(dir, { recursive: true })
  points.record(startMs + hourMs, new Map([[cluster('a'), 2]]))
  await points.close()
  assert.deepEqual(await valuesOf(open(dir), 1, startMs + hourMs), [2])
})

test('a name that every object of JavaScript has is no metric', async (t) => {
  const points = open(folder(t))
  for (const hour of [0, 1]) points.record(startMs + hour * hourMs, new Map([[cluster('a'), 1]]))
  await points.idle()
  for (const name of ['__proto__', 'constructor']) {
    const answer = await ask(points, { name, fromMs: startMs, toMs: startMs + hourMs, aggregate: undefined })
    assert.deepEqual(answer.series, [], name)
  }
  await points.close()
})

test('damage in the file of an hour takes no other hour with it', async (t) => {
  const dir = folder(t)
  const points = open(dir)
  for (let hour = 0; hour < 3; hour++) points.record(startMs + hour * hourMs, new Map([[cluster('a'), hour]]))
  await ask(points, { fromMs: startMs, toMs: startMs + hourMs })
  await points.close()
  const path = join(dir, `${startMs / hourMs}.points`)
  writeFileSync(path, Buffer.alloc(statSync(path).size, 0xff))
  const again = open(dir)
  const { series } = await ask(again, {
    fromMs: startMs,
    toMs: startMs + 3 * hourMs,
    stepMs: hourMs,
    downsample: 'max',
  })
  assert.deepEqual(series[0]?.values, [null, 1, 2])
  await again.close()
})

test('wherever a file is cut off or damaged, what comes before is there, and nothing is there that was not written', async (t) => {
  const dir = folder(t)
  const slots = 12
  const values = (slot: number) =>
    new Map([cluster('a'), cluster('b'), ofJob('a', slot)].map((key) => [key, 1000 + slot]))
  const first = open(dir)
  for (let slot = 0; slot < slots; slot++) first.record(startMs + slot * slotMs, values(slot))
  await first.close()
  const journal = join(dir, `${startMs / hourMs}.journal`)
  const ofJournal = readFileSync(journal)
  const next = open(dir)
  next.record(startMs + hourMs, values(0))
  await next.close()
  const block = join(dir, `${startMs / hourMs}.points`)
  const ofBlock = readFileSync(block)
  const check = async (path: string, bytes: Buffer, isPrefix: boolean): Promise<void> => {
    for (const other of [journal, block]) rmSync(other, { force: true })
    writeFileSync(path, bytes)
    const again = open(dir)
    const found = await valuesOf(again, slots)
    const present = found.filter((value) => value !== null)
    for (const [slot, value] of found.entries()) assert.ok(value === null || value === 1000 + slot, String(value))
    if (isPrefix) assert.deepEqual(found.slice(0, present.length), present)
    await again.close()
  }
  for (const [path, whole] of [
    [journal, ofJournal],
    [block, ofBlock],
  ] as const)
    for (let at = 0; at < whole.length; at++) {
      await check(path, whole.subarray(0, at), path === journal)
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] as number) ^ 0x41
      await check(path, damaged, path === journal)
    }
})

test(
  'a disk that is full costs points of a restart, not those in memory; what comes later is written again',
  { skip: skipWithoutDisk },
  async (t) => {
    const dir = folder(t)
    const small = join(dir, 'small')
    mkdirSync(small)
    mountDisk(small, 'size=64k')
    try {
      const said: string[] = []
      const points = new MetricPoints({ dir: small, warn: (text) => said.push(text) })
      writeFileSync(join(small, 'ballast'), Buffer.alloc(48 * 1024))
      const values = (i: number) =>
        new Map(Array.from({ length: 100 }, (_, n) => [cluster(n === 0 ? 'a' : `m${n}`), i]))
      for (let i = 0; i < 60; i++) points.record(startMs + i * slotMs, values(i))
      assert.equal(said.length, 1)
      assert.match(said[0] ?? '', /ENOSPC/)
      assert.deepEqual((await valuesOf(points, 60)).at(-1), 59)
      rmSync(join(small, 'ballast'))
      points.record(startMs + 60 * slotMs, values(60))
      await points.close()
      const again = open(small)
      const kept = await valuesOf(again, 61)
      assert.equal(kept[0], 0)
      assert.equal(kept[59], null)
      assert.equal(kept[60], 60)
      await again.close()
    } finally {
      unmountDisk(small)
    }
  },
)

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

test('an hour that can be neither read nor written takes no other hour with it, and old ones are removed all the same', async (t) => {
  const dir = folder(t)
  const said: string[] = []
  const points = open(dir, { keptHours: 4, warn: (text) => said.push(text) })
  const put = (hour: number): void => points.record(startMs + hour * hourMs, new Map([[cluster('a'), hour]]))
  for (let hour = 0; hour < 3; hour++) put(hour)
  await points.idle()
  // What cannot be read has the form of a folder here, as root reads everything.
  const path = (hour: number): string => join(dir, `${startMs / hourMs + hour}.points`)
  rmSync(path(1))
  mkdirSync(path(1))
  mkdirSync(path(3))
  for (let hour = 3; hour < 7; hour++) {
    put(hour)
    await points.idle()
  }
  const { series } = await ask(points, {
    fromMs: startMs,
    toMs: startMs + 7 * hourMs,
    stepMs: hourMs,
    downsample: 'max',
  })
  assert.deepEqual(series[0]?.values.slice(-3), [4, 5, 6])
  assert.ok(said.some((text) => /cannot be written yet/.test(text)))
  // Four hours, and the two folders.
  assert.ok(readdirSync(dir).length <= 6, readdirSync(dir).join())
  await points.close()
})
