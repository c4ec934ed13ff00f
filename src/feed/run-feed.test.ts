// The order in which a feed emits, flushes, saves and resolves, over a written log.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runOverLog as run, type FeedCall as Call } from '../../test/support/feed-over-log.ts'
import { insert, TableLook, textColumn, update, WrittenLog } from '../../test/support/written-log.ts'
import { compareHlc } from '../core/hlc.ts'

const filler = 'f'.repeat(20_000)
const wide = new TableLook({ columns: [...new TableLook().columns, textColumn('c', 3)] })

/** `walls`: of all messages that the feed must emit. */
function assertOrder(calls: readonly Call[], walls: readonly bigint[]): void {
  const emitted = calls.flatMap((call) => (call.tag === 'emit' ? call.walls : []))
  assert.deepEqual(emitted, walls)
  let count = 0
  for (const [i, call] of calls.entries()) {
    if (call.tag === 'emit') count += call.walls.length
    else if (call.tag === 'flush') {
      const { wall } = call.frontier ?? assert.fail('a feed that follows the log has a frontier')
      assert.ok(
        walls.slice(0, count).length >= walls.filter((of) => of <= wall).length,
        `not all of ${wall} is emitted`,
      )
      assert.ok(
        walls.slice(count).every((of) => of > wall),
        `more comes at or below ${wall}`,
      )
    } else {
      const before = calls[i - 1]
      const at = before?.tag === 'flush' ? before.frontier : before?.tag === 'save' ? before.at : undefined
      assert.equal(before?.tag, call.tag === 'save' ? 'flush' : 'save')
      assert.equal(at === undefined ? undefined : compareHlc(at, call.at), 0)
    }
  }
}

async function writeChanges(files: WrittenLog): Promise<bigint[]> {
  const walls: bigint[] = []
  const write = async (changes: readonly (Buffer | TableLook)[], withSchema = false): Promise<void> => {
    const { wall } = files.transaction(changes, withSchema)
    walls.push(...changes.flatMap((change) => (change instanceof TableLook ? [] : [wall])))
    await files.writer.flush()
  }
  await write([insert(['1', 'x'])], true)
  await write(Array.from({ length: 100 }, (_, i) => insert([`${i + 2}`, filler])))
  await write([wide, update(['1', 'x', ''], ['1', 'y', 'z'])])
  for (let i = 0; i < 20; i++) await write([insert([`${i + 200}`, filler, 'z'])])
  return walls
}

test('everything at or below a frontier is emitted before it is flushed, saved and resolved', async () => {
  using files = await WrittenLog.open(128 * 1024)
  const walls = await writeChanges(files)
  await files.writer.close()
  const endTime = files.now
  const { calls, error } = await run({ files, spec: { endTime } })
  assert.equal(error, undefined)
  assertOrder(calls, walls)
  assert.deepEqual(
    calls.slice(-4).map(({ tag }) => tag),
    ['flush', 'save', 'resolved', 'flush'],
  )
  assert.deepEqual(
    calls.findLast(({ tag }) => tag === 'resolved'),
    { tag: 'resolved', at: endTime },
  )
})

test('a feed that ends with an error has emitted and flushed what came before, and saves no more', async () => {
  using files = await WrittenLog.open()
  const walls = await writeChanges(files)
  files.drop()
  await files.writer.flush()
  await files.writer.close()
  const { calls, error } = await run({ files })
  assert.equal((error as { code?: string }).code, 'FEED_DROPPED')
  assertOrder(calls, walls)
  assert.equal(calls.at(-1)?.tag, 'flush')
})

test('a feed that is stopped saves once more how far it has come', async () => {
  using files = await WrittenLog.open()
  const walls = await writeChanges(files)
  await files.writer.close()
  const abort = new AbortController()
  const { calls, error } = await run({
    files,
    // No checkpoint is due before the feed is stopped.
    spec: { resolvedIntervalMs: undefined, minCheckpointMs: 60_000 },
    signal: abort.signal,
    called: ({ tag }) => (tag === 'emit' ? abort.abort(new Error('stopped')) : undefined),
  })
  assert.equal((error as Error).message, 'stopped')
  const emitted = calls.flatMap((call) => (call.tag === 'emit' ? call.walls : []))
  assertOrder(calls, walls.slice(0, emitted.length))
  assert.deepEqual(
    calls.slice(-2).map(({ tag }) => tag),
    ['flush', 'save'],
  )
})
