import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert, relid, remove, update, WrittenLog } from '../../../test/support/written-log.ts'
import type { Changelog } from '../../changelog/changelog.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { Encoder } from '../../encode/encoder.ts'
import type { RowView } from '../../core/row-view.ts'
import { LogFollower } from './follow-log.ts'
import type { PassLimits } from './last-change-passes.ts'
import { ChangeWriter } from '../output/change-writer.ts'
import { MessageOutput } from '../output/message-output.ts'

/** Every message up to `endTime`, as `<key> <ts> <b after>|<b before>`, and the frontiers in between as `-> <ts>`. */
async function follow(
  log: Changelog,
  after: Hlc,
  endTime: Hlc,
  limits?: PassLimits,
  signal = new AbortController().signal,
): Promise<string[]> {
  const said: string[] = []
  const b = (row: RowView | undefined): string =>
    row === undefined ? '-' : row.bytes.toString('latin1', row.starts[1], row.ends[1]).slice(0, 8)
  const encoder: Encoder = {
    prepare: () => 0,
    encodeKey: (_relation, row, out) => out.copy(row.bytes, row.starts[0], row.ends[0]),
    encodeValue: ({ updated, after: row, before }, out) => {
      out.latin1(` ${updated.toString().split('.')[0]} ${b(row)}|${b(before)}`)
      return true
    },
    prepareResolved: () => undefined,
    encodeResolved: () => undefined,
  }
  const messages = new MessageOutput(encoder, async (batch) => {
    const { buffer } = batch.bytes
    for (let i = 0; i < batch.count; i++) said.push(buffer.toString('latin1', batch.keyStarts[i], batch.valueEnds[i]))
    batch.clear()
  })
  const changes = new ChangeWriter(messages)
  using reader = log.readAfter(after)
  const follower = new LogFollower({
    log,
    reader,
    targets: [{ relid, topic: 't', tableName: 't' }],
    diff: true,
    after,
    endTime,
    stopsAtSchemaChange: false,
    changes,
    advanced: async (frontier) => {
      await changes.drain()
      said.push(`-> ${frontier.wall}`)
    },
    signal,
    limits,
  })
  await follower.run()
  await changes.drain()
  return said
}

test('transactions that lie across blocks and segments come whole, and before the frontier passes them', async () => {
  using files = await WrittenLog.open(1024 * 1024)
  const filler = 'f'.repeat(500)
  files.transaction([insert(['1', 'x']), insert(['2', 'x'])], true)
  let last = files.start
  const transactions = 6000
  for (let i = 1; i <= transactions; i++) {
    const value = `${String(i).padStart(8, '0')}${filler}`
    const messages = [update(['1', 'x'], ['1', value]), update(['2', 'x'], ['2', value])]
    if (i % 7 === 0) messages.splice(1, 0, update(['1', value], ['1', value]))
    last = files.transaction(messages)
  }
  await files.writer.flush()
  const said = await follow(files.log, files.start, last)
  await files.writer.close()
  const rows = said.filter((line) => !line.startsWith('->'))
  assert.equal(rows.length, 2 + 2 * transactions)
  let frontier = 0n
  for (const line of said) {
    if (line.startsWith('->')) frontier = BigInt(line.slice(3))
    else assert.ok(BigInt(line.split(' ')[1] ?? '0') > frontier, `${line} after ${frontier}`)
  }
})

test('a transaction larger than memory is read in passes, by rows or by the width of its keys, and says the same', async () => {
  using files = await WrittenLog.open()
  const rows = 3000
  const key = (i: number): string => `${i}${'k'.repeat(200)}`
  files.transaction(
    Array.from({ length: rows }, (_, i) => insert([key(i), 'old'])),
    true,
  )
  const messages: Buffer[] = []
  for (let i = 0; i < rows; i++) {
    messages.push(update([key(i), 'old'], [key(i), 'mid']))
    // Moved away; a row that comes and goes; and one that takes the free key.
    if (i % 5 === 1) messages.push(update([key(i), 'mid'], [`moved${i}`, 'mid']))
    if (i % 5 === 2) messages.push(insert([`brief${i}`, 'x']), remove([`brief${i}`, 'x']))
  }
  for (let i = 0; i < rows; i++) {
    if (i % 5 === 1) messages.push(insert([key(i), 'new']))
    else if (i % 5 === 3) messages.push(remove([key(i), 'mid']))
    else messages.push(update([key(i), 'mid'], [key(i), 'new']))
  }
  const ts = files.transaction(messages)
  await files.writer.flush()
  const limits: readonly PassLimits[] = [
    { rows: 1e9, bytes: 1e9 },
    { rows: 100, bytes: 1e9 },
    { rows: 1e9, bytes: 100_000 },
  ]
  const [first, ...others] = await Promise.all(limits.map((limit) => follow(files.log, files.start, ts, limit)))
  await files.writer.close()
  for (const other of others) assert.deepEqual(other, first)
  const said = (first ?? []).filter((line) => !line.startsWith('->')).slice(rows)
  assert.equal(said.length, rows + rows / 5)
  const value = new Map(said.map((line) => [line.split(' ')[0], line.split(' ')[2]]))
  for (let i = 0; i < rows; i++) {
    assert.equal(value.get(key(i)), i % 5 === 3 ? '-|old' : 'new|old')
    assert.equal(value.get(`moved${i}`), i % 5 === 1 ? 'mid|-' : undefined)
    assert.equal(value.get(`brief${i}`), undefined)
  }
})

test('a gap ends the feeds from before it, and none that begins behind it, be it in the same block', async () => {
  using files = await WrittenLog.open()
  const first = files.transaction([insert(['1', 'x'])], true)
  files.gap('the slot was lost')
  const second = files.transaction([insert(['2', 'x'])])
  const last = files.transaction([insert(['3', 'x'])])
  await files.writer.flush()
  await assert.rejects(follow(files.log, files.start, last), /changes are missing: the slot was lost/)
  await assert.rejects(follow(files.log, first, last), /changes are missing: the slot was lost/)
  assert.deepEqual(
    (await follow(files.log, second, last)).filter((line) => !line.startsWith('->')),
    [`3 ${last.wall} x|-`],
  )
  await files.writer.close()
})

test('a table that was dropped just before the feed begins ends it, unless it is there again', async () => {
  using files = await WrittenLog.open()
  files.transaction([insert(['1', 'x'])], true)
  const dropped = files.drop()
  const later = files.closed()
  await files.writer.flush()
  await assert.rejects(follow(files.log, dropped, later), /"t" was dropped/)
  // As after a restore from a backup.
  const again = files.transaction([insert(['2', 'x'])], true)
  const last = files.closed()
  await files.writer.flush()
  const said = await follow(files.log, again, last)
  assert.deepEqual(
    said.filter((line) => !line.startsWith('->')),
    [],
  )
  await files.writer.close()
})

test('a feed that is stopped in the passes over a large transaction stops there', async () => {
  using files = await WrittenLog.open()
  files.transaction([insert(['1', 'x'])], true)
  const filler = 'f'.repeat(20_000)
  const ts = files.transaction(Array.from({ length: 400 }, (_, i) => update(['1', `${i}${filler}`], ['1', filler])))
  await files.writer.flush()
  await files.writer.close()
  const { log } = files
  const abort = new AbortController()
  let readAfterAbort = 0
  // The reader of a pass: the feed is stopped at its fifth block.
  const counted: Changelog = {
    ...log,
    jumpTo: (position) => {
      const reader = log.jumpTo(position)
      let count = 0
      return {
        next: () => reader.next(),
        passOver: (tables) => reader.passOver(tables),
        wait: (signal) => reader.wait(signal),
        readAt: (at) => {
          if (abort.signal.aborted) readAfterAbort += 1
          if (++count === 5) abort.abort()
          return reader.readAt(at)
        },
        [Symbol.dispose]: () => reader[Symbol.dispose](),
      }
    },
  }
  assert.deepEqual(
    (await follow(counted, files.start, ts, undefined, abort.signal)).filter((line) => !line.startsWith('->')),
    ['1 2000 x|-'],
  )
  assert.equal(readAfterAbort, 0)
})
