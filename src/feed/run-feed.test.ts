// The order in which a feed emits, flushes, saves and resolves, over a written log.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert, relid, TableLook, textColumn, update, WrittenLog } from '../../test/support/written-log.ts'
import { specOf } from '../../test/support/spec-of.ts'
import { compareHlc, type Hlc } from '../core/hlc.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import type { Sink } from '../sink/sink.ts'
import { newProgress } from './feed-run.ts'
import { runFeed } from './run-feed.ts'

type Call =
  | { readonly tag: 'emit'; readonly walls: readonly bigint[] }
  | { readonly tag: 'flush'; readonly frontier: Hlc | undefined }
  | { readonly tag: 'save' | 'resolved'; readonly at: Hlc }

const filler = 'f'.repeat(20_000)
const wide = new TableLook({ columns: [...new TableLook().columns, textColumn('c', 3)] })

interface Running {
  readonly files: WrittenLog
  readonly spec?: Partial<FeedSpec>
  readonly signal?: AbortSignal
  /** Called after each call of the sink. */
  readonly called?: (call: Call) => void
}

/** Runs a feed without initial scan from the start of the log; returns the calls in order, and what has ended it. */
async function run({
  files,
  spec,
  signal,
  called,
}: Running): Promise<{ readonly calls: Call[]; readonly error: unknown }> {
  const calls: Call[] = []
  const note = (call: Call): void => {
    calls.push(call)
    called?.(call)
  }
  const sink: Sink = {
    emit: async ({ bytes, valueStarts, valueEnds, count }) => {
      const walls = Array.from({ length: count }, (_, i) => {
        const value = bytes.buffer.toString('utf8', valueStarts[i], valueEnds[i])
        return BigInt(/"updated": "(\d+)\./.exec(value)?.[1] ?? assert.fail(value))
      })
      note({ tag: 'emit', walls })
    },
    flush: async (frontier) => note({ tag: 'flush', frontier }),
    emitResolved: async ({ at }) => note({ tag: 'resolved', at }),
    [Symbol.asyncDispose]: async () => undefined,
  }
  let error: unknown
  try {
    await runFeed({
      spec: specOf({
        targets: [{ relid, topic: 't', tableName: 't' }],
        updated: true,
        initialScan: 'no',
        cursor: files.start,
        resolvedIntervalMs: 0,
        minCheckpointMs: 0,
        ...spec,
      }),
      log: files.log,
      source: { host: '', port: 0, user: '', database: '' },
      sink,
      startPosition: files.log.status.tail,
      startTime: files.start,
      resume: undefined,
      save: async (progress) => {
        assert.ok(progress.tag === 'following')
        note({ tag: 'save', at: progress.highWater })
      },
      signal: signal ?? new AbortController().signal,
      progress: newProgress(),
    })
  } catch (thrown) {
    error = thrown
  }
  return { calls, error }
}

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
