// Transactions of many blocks that also change their table: what the kernel takes of them is what the reference encoder prints.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FeedSpec } from '../../src/core/feed-spec.ts'
import type { MessageBatch } from '../../src/core/message-batch.ts'
import type { Encoder } from '../../src/encode/encoder.ts'
import { open } from '../../src/encode/json/json-encoder.ts'
import { LogFollower } from '../../src/feed/follow/follow-log.ts'
import { openOutput } from '../../src/feed/output/open-output.ts'
import { specOf } from '../support/spec-of.ts'
import { insert, relid, remove, TableLook, textColumn, update, WrittenLog } from '../support/written-log.ts'
import { withoutRuns } from './both-encoders.ts'

const plain = specOf({ targets: [{ relid, topic: 't', tableName: 't' }], updated: true })
const rows = 3000
const filler = 'f'.repeat(400)

interface Followed {
  readonly values: readonly string[]
  readonly byKernel: number
}

async function follow(files: WrittenLog, spec: FeedSpec, encoder: Encoder): Promise<Followed> {
  const values: string[] = []
  let byKernel = 0
  const emitBatch = async (batch: MessageBatch): Promise<void> => {
    for (let i = 0; i < batch.count; i++)
      values.push(batch.bytes.buffer.toString('utf8', batch.valueStarts[i], batch.valueEnds[i]))
    batch.clear()
  }
  const { signal } = new AbortController()
  const { changes, messages } = openOutput({ encoder, emitBatch, signal })
  const take = messages.takeRecords.bind(messages)
  messages.takeRecords = (run, from) => {
    const next = take(run, from)
    byKernel += next - from
    return next
  }
  using reader = files.log.readAfter(files.start)
  const follower = new LogFollower({
    log: files.log,
    reader,
    targets: spec.targets,
    diff: spec.diff,
    after: files.start,
    endTime: files.now,
    stopsAtSchemaChange: false,
    changes,
    advanced: () => changes.drain(),
    signal,
  })
  await follower.run()
  await changes.drain()
  return { values, byKernel }
}

/** Returns the values that both encoders print, and how many the kernel has printed. */
async function both(files: WrittenLog, spec = plain): Promise<Followed> {
  await files.writer.flush()
  const reference = await follow(files, spec, withoutRuns(open(spec)))
  const found = await follow(files, spec, open(spec))
  await files.writer.close()
  assert.equal(reference.byKernel, 0)
  assert.deepEqual(found.values, reference.values)
  return found
}

test('rows behind the change of their table go to the kernel, those before it are printed as the table is at the end', async () => {
  using files = await WrittenLog.open()
  const wide = new TableLook({ columns: [...new TableLook().columns, { ...textColumn('c', 3), missing: 'é' }] })
  const narrow = Array.from({ length: rows }, (_, i) => insert([`${i}`, filler]))
  const behind = Array.from({ length: rows }, (_, i) => insert([`${rows + i}`, filler, 'c']))
  files.transaction([...narrow, wide, ...behind], true)
  // What one transaction has made of its tables is nothing for the next.
  files.transaction(Array.from({ length: rows }, (_, i) => insert([`${2 * rows + i}`, filler, 'd'])))
  const { values, byKernel } = await both(files)
  assert.equal(values.length, 3 * rows)
  assert.ok(values.slice(0, rows).every((value) => value.startsWith('{"after": {"a": ') && value.includes('"c": "é"')))
  assert.ok(byKernel > 1.9 * rows && byKernel <= 2 * rows, `${byKernel} rows by the kernel`)
})

test('the first rows of a table go to the kernel, also when each is changed once more', async () => {
  using files = await WrittenLog.open()
  const inserted = Array.from({ length: rows }, (_, i) => insert([`${i}`, 'old']))
  const updated = Array.from({ length: rows }, (_, i) => update([`${i}`, 'old'], [`${i}`, filler]))
  files.transaction([...inserted, ...updated], true)
  const { values, byKernel } = await both(files)
  assert.equal(values.length, rows)
  assert.ok(byKernel > 0.8 * rows, `${byKernel} rows by the kernel`)
})

test('with diff only the rows that are changed twice are looked up one by one', async () => {
  using files = await WrittenLog.open()
  files.transaction(
    Array.from({ length: rows }, (_, i) => insert([`${i}`, 'old'])),
    true,
  )
  const changes = Array.from({ length: rows }, (_, i) => {
    if (i % 10 === 1)
      return [
        update([`${i}`, 'old'], [`${i + rows}`, 'moved']),
        update([`${i + rows}`, 'moved'], [`${i + rows}`, filler]),
      ]
    if (i % 10 === 2) return [update([`${i}`, 'old'], [`${i}`, 'mid']), remove([`${i}`, 'mid'])]
    return i % 10 === 3 ? [remove([`${i}`, 'old'])] : [update([`${i}`, 'old'], [`${i}`, filler])]
  })
  files.transaction(changes.flat())
  const { values, byKernel } = await both(files, { ...plain, diff: true })
  // A row that is moved gives two messages.
  assert.equal(values.length, rows + 1.1 * rows)
  // Of the first transaction, which describes the table, none; of the second all but those that move a row or change it twice.
  assert.equal(byKernel, 0.8 * rows)
})
