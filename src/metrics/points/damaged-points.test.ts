// Points of metrics whose folder, disk or files are not as they should be.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, cluster, folder, ofJob, open, startMs, valuesOf } from '../../../test/support/points-under-test.ts'
import { mountDisk, skipWithoutDisk, unmountDisk } from '../../../test/support/small-disk.ts'
import { MetricPoints } from './metric-points.ts'
import { hourMs, slotMs } from './series-key.ts'

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
