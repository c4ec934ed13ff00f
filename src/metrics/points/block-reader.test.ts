// What is read of the files of hours that are over: the same, however large they are, and seldom twice.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { folder } from '../../../test/support/points-under-test.ts'
import { BlockReader } from './block-reader.ts'
import { writeBlock } from './block.ts'
import { Hour } from './hour.ts'
import { keyText, slotsPerHour } from './series-key.ts'

const names = Array.from({ length: 24 }, (_, i) => `metric${i}`)

/** An hour in which each metric has a value for each of so many jobs, plus `add`. */
async function write(path: string, jobs: number, add = 0): Promise<void> {
  const hour = new Hour(1)
  for (let slot = 0; slot < slotsPerHour; slot++)
    for (const [i, name] of names.entries())
      for (let job = 0; job < jobs; job++)
        hour.set(slot, new Map([[keyText({ name, of: 'job', id: String(job) }), slot * (i + 1) + job * 1000 + add]]))
  await writeBlock(path, hour)
}

async function read(reader: BlockReader, path: string, name: string): Promise<Map<string, Float64Array>> {
  const found = new Map<string, Float64Array>()
  await reader.read(path, name, (key, decode) => found.set(key, decode()))
  return found
}

test('a page that asks for many metrics of an hour opens its file once, and again only when it was replaced', async (t) => {
  const path = join(folder(t), '1.points')
  await write(path, 2)
  const reader = new BlockReader()
  for (let page = 0; page < 3; page++)
    for (const [i, name] of names.entries()) {
      const found = await read(reader, path, name)
      assert.deepEqual([...found.keys()], [`${name} job 0`, `${name} job 1`])
      assert.deepEqual([...(found.get(`${name} job 1`) ?? [])].slice(0, 3), [1000, 1000 + i + 1, 1000 + 2 * (i + 1)])
    }
  assert.equal(reader.opened, 1)
  await write(path, 2, 7)
  reader.forget(path)
  assert.equal((await read(reader, path, 'metric0')).get('metric0 job 0')?.[0], 7)
  assert.equal(reader.opened, 2)
})

test('sections that lie far behind in a large file are read once each', async (t) => {
  const path = join(folder(t), '1.points')
  await write(path, 60)
  const reader = new BlockReader()
  for (let page = 0; page < 2; page++)
    for (const [i, name] of names.entries()) {
      const found = await read(reader, path, name)
      assert.equal(found.size, 60)
      assert.equal(found.get(`${name} job 59`)?.[2], 59_000 + 2 * (i + 1))
    }
  assert.ok(reader.opened > 2 && reader.opened <= names.length + 1, String(reader.opened))
  assert.equal((await read(reader, path, 'nothing')).size, 0)
})

test('a series is not decoded that nobody wants', async (t) => {
  const path = join(folder(t), '1.points')
  await write(path, 3)
  const keys: string[] = []
  await new BlockReader().read(path, 'metric5', (key) => keys.push(key))
  assert.deepEqual(keys, ['metric5 job 0', 'metric5 job 1', 'metric5 job 2'])
})
