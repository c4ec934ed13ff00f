// Where the follower of the log stops: before each transaction that changes a table of the feed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert, relid, TableLook, textColumn, update, WrittenLog } from '../../../test/support/written-log.ts'
import { prevHlc, type Hlc } from '../../core/hlc.ts'
import type { Encoder } from '../../encode/encoder.ts'
import { ChangeWriter } from '../output/change-writer.ts'
import { MessageOutput } from '../output/message-output.ts'
import { LogFollower } from './follow-log.ts'
import type { Followed } from './follow-options.ts'

const other = 43
const narrow = new TableLook()
const wide = new TableLook({ columns: [...narrow.columns, textColumn('c', 3)] })
const otherNarrow = new TableLook({ relid: other, name: 'other' })
const otherWide = new TableLook({ relid: other, name: 'other', columns: wide.columns })
const filler = 'f'.repeat(20_000)

interface Stop {
  readonly followed: Followed
  /** What was emitted since the stop before: `<wall of the transaction> <key> <number of columns>`. */
  readonly lines: readonly string[]
}

interface Following {
  readonly files: WrittenLog
  readonly after: Hlc
  readonly endTime: Hlc
  readonly stopsAtSchemaChange?: boolean
  readonly targets?: readonly number[]
  /** Gets the stops, also when the feed ends with an error. */
  readonly stops?: Stop[]
}

/** Follows the log to its end, and continues after each boundary. */
async function follow({
  files,
  after,
  endTime,
  stopsAtSchemaChange = true,
  targets = [relid],
  stops = [],
}: Following): Promise<readonly Stop[]> {
  const lines: string[] = []
  const encoder: Encoder = {
    prepare: () => 0,
    encodeKey: () => undefined,
    encodeValue: ({ updated, key, after: row }, out) => {
      const wall = updated.toString().split('.')[0]
      out.latin1(`${wall} ${key.bytes.toString('latin1', key.starts[0], key.ends[0])} ${row?.count}`)
      return true
    },
    prepareResolved: () => undefined,
    encodeResolved: () => undefined,
  }
  const messages = new MessageOutput(encoder, async (batch) => {
    const { buffer } = batch.bytes
    for (let i = 0; i < batch.count; i++) lines.push(buffer.toString('latin1', batch.keyStarts[i], batch.valueEnds[i]))
    batch.clear()
  })
  const changes = new ChangeWriter(messages)
  using reader = files.log.readAfter(after)
  const follower = new LogFollower({
    log: files.log,
    reader,
    targets: targets.map((id) => ({ relid: id, topic: `${id}`, tableName: `${id}` })),
    diff: false,
    after,
    endTime,
    stopsAtSchemaChange,
    changes,
    advanced: () => changes.drain(),
    signal: new AbortController().signal,
    limits: { rows: 300, bytes: 1e9 },
  })
  for (;;) {
    const followed = await follower.run()
    await changes.drain()
    stops.push({ followed, lines: lines.splice(0) })
    if (followed.tag !== 'boundary') return stops
  }
}

/** Each boundary, as its timestamp and the columns before and after. */
function boundaries(stops: readonly Stop[]): string[] {
  return stops.flatMap(({ followed }) =>
    followed.tag !== 'boundary'
      ? []
      : [
          `${followed.at.wall}: ${followed.changes
            .map(({ before, after }) => `${after.name} ${before.columns.length} → ${after.columns.length}`)
            .join(', ')}`,
        ],
  )
}

/** Everything below a boundary comes before it, and everything else after it; nothing is lost or repeated. */
async function assertComplete(following: Following, stops: readonly Stop[]): Promise<void> {
  const [whole] = await follow({ ...following, stopsAtSchemaChange: false })
  assert.deepEqual(
    stops.flatMap(({ lines }) => lines),
    whole?.lines,
  )
  let from = 0n
  for (const { followed, lines } of stops) {
    const walls = lines.map((line) => BigInt(line.split(' ')[0] ?? ''))
    const below = followed.tag === 'boundary' ? followed.at.wall : following.endTime.wall + 1n
    assert.ok(
      walls.every((wall) => wall >= from && wall < below),
      `${walls.join(' ')} of [${from}, ${below})`,
    )
    from = below
  }
  // A feed that starts at a boundary, as after a restart, stops there first.
  for (const [i, { followed }] of stops.entries()) {
    if (followed.tag !== 'boundary') continue
    const again = await follow({ ...following, after: prevHlc(followed.at) })
    assert.deepEqual(
      again.map(({ lines }) => lines),
      [[], ...stops.slice(i + 1).map(({ lines }) => lines)],
    )
    assert.deepEqual(again[0]?.followed, followed)
  }
}

for (const inOneBlock of [true, false]) {
  test(`the follower stops before a transaction that changes its table, and continues with it (${inOneBlock ? 'in one block' : 'a block each'})`, async () => {
    using files = await WrittenLog.open()
    const flush = async (): Promise<void> => (inOneBlock ? undefined : files.writer.flush())
    files.transaction([narrow, insert(['1', 'x'])])
    await flush()
    files.transaction([insert(['2', 'x'])])
    await flush()
    const changed = files.transaction([insert(['3', 'x']), wide, insert(['4', 'x', 'y'])])
    await flush()
    files.transaction([insert(['5', 'x', 'y'])])
    await flush()
    const changedBack = files.transaction([narrow])
    const endTime = files.transaction([insert(['6', 'x'])])
    await files.writer.flush()
    await files.writer.close()
    const following = { files, after: files.start, endTime }
    const stops = await follow(following)
    assert.deepEqual(boundaries(stops), [`${changed.wall}: t 2 → 3`, `${changedBack.wall}: t 3 → 2`])
    assert.deepEqual(
      stops.map(({ lines }) => lines.map((line) => line.split(' ').slice(1).join(':')).join(' ')),
      ['1:2 2:2', '3:3 4:3 5:3', '6:2'],
    )
    await assertComplete(following, stops)
  })
}

for (const hasUpdates of [false, true]) {
  test(`the boundary of a transaction of many blocks lies before its first row, wherever its DDL is (${hasUpdates ? 'with updates' : 'only inserts'})`, async () => {
    using files = await WrittenLog.open(1024 * 1024)
    files.transaction([narrow, insert(['1', 'x'])])
    const before = Array.from({ length: 200 }, (_, i) => insert([`a${i}`, filler]))
    const behind = Array.from({ length: 200 }, (_, i) => insert([`b${i}`, filler, 'y']))
    const updates = hasUpdates ? [update(['1', 'x', 'y'], ['1', 'z', 'y'])] : []
    const changed = files.transaction([...before, wide, ...behind, ...updates])
    const endTime = files.transaction([insert(['2', 'x', 'y'])])
    await files.writer.flush()
    await files.writer.close()
    const following = { files, after: files.start, endTime }
    const stops = await follow(following)
    assert.deepEqual(boundaries(stops), [`${changed.wall}: t 2 → 3`])
    assert.deepEqual(
      stops.map(({ lines }) => lines.length),
      [1, 401 + updates.length],
    )
    await assertComplete(following, stops)
  })
}

test('boundaries are exact where segments of the log end', async () => {
  using files = await WrittenLog.open(128 * 1024)
  files.transaction([narrow])
  const expected: string[] = []
  let isWide = false
  let endTime = files.start
  for (let i = 1; i <= 60; i++) {
    const columns = isWide ? ['y'] : []
    endTime = files.transaction([insert([`${i}`, filler, ...columns])])
    await files.writer.flush()
    if (i % 2 !== 0) continue
    isWide = !isWide
    const { wall } = files.transaction([isWide ? wide : narrow])
    expected.push(`${wall}: t ${isWide ? '2 → 3' : '3 → 2'}`)
    if (i % 4 === 0) await files.writer.flush()
  }
  await files.writer.flush()
  await files.writer.close()
  const following = { files, after: files.start, endTime }
  const stops = await follow(following)
  // The last DDL lies behind the end time.
  assert.deepEqual(boundaries(stops), expected.slice(0, -1))
  await assertComplete(following, stops)
})

test('one DDL of two tables is one boundary, which names both if both belong to the feed', async () => {
  using files = await WrittenLog.open()
  files.transaction([narrow, otherNarrow, insert(['1', 'x']), insert(['2', 'x'], other)])
  const both = files.transaction([wide, otherWide, insert(['3', 'x', 'y']), insert(['4', 'x', 'y'], other)])
  const ofOther = files.transaction([otherNarrow, insert(['5', 'x', 'y'])])
  const endTime = files.transaction([insert(['6', 'x', 'y'])])
  await files.writer.flush()
  await files.writer.close()
  const following = { files, after: files.start, endTime, targets: [relid, other] }
  const stops = await follow(following)
  assert.deepEqual(boundaries(stops), [`${both.wall}: t 2 → 3, other 2 → 3`, `${ofOther.wall}: other 3 → 2`])
  await assertComplete(following, stops)
  assert.deepEqual(boundaries(await follow({ ...following, targets: [relid] })), [`${both.wall}: t 2 → 3`])
})

test('a table that is described for the first time, again, or as before its transaction, has not changed', async () => {
  using files = await WrittenLog.open()
  files.transaction([narrow, insert(['1', 'x'])])
  files.transaction([narrow, insert(['2', 'x'])])
  files.transaction([wide, insert(['3', 'x', 'y']), narrow, insert(['4', 'x'])])
  const endTime = files.transaction([insert(['5', 'x'])])
  await files.writer.flush()
  await files.writer.close()
  const stops = await follow({ files, after: files.start, endTime })
  assert.deepEqual(
    stops.map(({ followed, lines }) => `${followed.tag} ${lines.length}`),
    ['end 5'],
  )
})

test('a table that is dropped is a boundary, and ends the feed that continues', async () => {
  using files = await WrittenLog.open()
  files.transaction([narrow, insert(['1', 'x'])])
  const at = files.drop()
  await files.writer.flush()
  await files.writer.close()
  const stops: Stop[] = []
  await assert.rejects(follow({ files, after: files.start, endTime: at, stops }), { code: 'FEED_DROPPED' })
  const [{ followed, lines } = assert.fail()] = stops
  assert.equal(stops.length, 1)
  assert.equal(lines.length, 1)
  assert.ok(followed.tag === 'boundary' && followed.changes[0]?.after.dropped === true)
})
