// A scan for which the log lacks what rows were: it moves to the time of its cut, over a written log of two tables.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feedMeter } from '../../core/feed-meter.ts'
import { insert, relid, TableLook, textColumn, WrittenLog } from '../../../test/support/written-log.ts'
import { specOf } from '../../../test/support/spec-of.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import type { Hlc } from '../../core/hlc.ts'
import { openEncoder } from '../../encode/open-encoder.ts'
import type { ScanTable } from '../../scan/table-facts.ts'
import type { Sink } from '../../sink/sink.ts'
import { Delivery } from '../delivery.ts'
import { newProgress, type FeedRun } from '../feed-run.ts'
import { KeyTable } from '../transaction/key-table.ts'
import type { ScanRequest } from './scan-request.ts'
import { WantedRows, type Found, type Moved } from './wanted-rows.ts'

const other = 43
const narrow = new TableLook()
const withDefault = { ...textColumn('c', 3), hasDefault: true, missing: 'y' }
const wide = new TableLook({ columns: [...narrow.columns, withDefault] })
const ofOther = new TableLook({ relid: other, name: 'u' })
const wideOther = new TableLook({ ...wide.description, relid: other, name: 'u' })

/** The memory of a table of keys that holds one key, and not two. */
const oneKey = new KeyTable().bytes + 15

interface Moving extends Disposable {
  readonly files: WrittenLog
  readonly wanted: WantedRows
  /** The rows that were emitted, `a@wall`. */
  readonly emitted: string[]
  readonly waiting: string[]
  cut(...looks: readonly TableLook[]): Parameters<WantedRows['find']>[0]
}

async function moving(
  files: WrittenLog,
  request: Pick<ScanRequest, 'reason' | 'at' | 'done'>,
  { spec, maxBytes }: { readonly spec?: Partial<FeedSpec>; readonly maxBytes?: number } = {},
): Promise<Moving> {
  const emitted: string[] = []
  const waiting: string[] = []
  const sink: Sink = {
    emit: async ({ bytes, valueStarts, valueEnds, count }) => {
      for (let i = 0; i < count; i++) {
        const value = bytes.buffer.toString('utf8', valueStarts[i], valueEnds[i])
        emitted.push(value.replace(/^.*"a": (\d+).*"updated": "(\d+)\..*$/, '$1@$2'))
      }
    },
    flush: async () => undefined,
    emitResolved: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
  const tables = [relid, other].map((oid, i) => ({
    relid: oid,
    topic: 'tu'[i] as string,
    tableName: 'tu'[i] as string,
  }))
  const run: FeedRun = {
    spec: specOf({ targets: tables, updated: true, ...spec }),
    log: files.log,
    source: { host: '', port: 0, user: '', database: '' },
    sink,
    startPosition: files.log.status.tail,
    startTime: files.start,
    resume: undefined,
    save: undefined,
    waiting: (why) => {
      if (why !== undefined) waiting.push(why)
    },
    signal: new AbortController().signal,
    progress: newProgress(),
    meter: feedMeter(),
  }
  const encoder = await openEncoder(run.spec)
  const feed = { run, delivery: new Delivery(run, encoder) }
  const ofRequest = request.reason === 'initial' ? tables : tables.slice(0, 1)
  const wanted = new WantedRows(feed, { ...request, tables: ofRequest, isExact: false }, maxBytes)
  return {
    files,
    wanted,
    emitted,
    waiting,
    cut: (...looks) => ({
      time: files.now,
      tables: new Map(
        looks.map(({ description }): [number, ScanTable] => [description.relid, { description, pages: 9, file: 'f' }]),
      ),
    }),
    [Symbol.dispose]: () => wanted[Symbol.dispose](),
  }
}

async function findOrMove({ wanted, cut }: Moving, ...looks: readonly TableLook[]): Promise<Found | Moved> {
  await wanted.readAhead()
  const found = await wanted.find(cut(...looks))
  return found.tag === 'lacking' ? wanted.moveTo(cut(...looks), found.why) : found
}

const done = [relid, other].map((oid) => ({ relid: oid, file: 'f', done: [[0, 4]] as const }))
const times = (...all: readonly Hlc[]): string[] => all.map(({ wall }) => `${wall}`)

test('a backfill with too many changed rows emits the changes first, and then also reads tables that have changed among them', async () => {
  using files = await WrittenLog.open()
  files.transaction([narrow, ofOther, insert(['1', 'x']), insert(['2', 'x'], other)])
  const at = files.transaction([wide, insert(['3', 'x', 'y'])])
  const next = files.transaction([insert(['4', 'x', 'y']), insert(['5', 'x', 'y'])])
  const change = files.transaction([wideOther, insert(['7', 'x', 'y'], other)])
  await files.writer.flush()
  using moved = await moving(files, { reason: 'backfill', at, done }, { maxBytes: oneKey })
  const { wanted } = moved
  assert.deepEqual(await findOrMove(moved, wide), { tag: 'again' })
  const [t1, t2, t3] = times(at, next, change)
  assert.deepEqual(moved.emitted, [`3@${t1}`, `4@${t2}`, `5@${t2}`, `7@${t3}`])
  assert.match(moved.waiting.join(), /scanning its tables as of .* too many rows have changed since/)
  assert.deepEqual(
    wanted.tables.map(({ tableName }) => tableName),
    ['t', 'u'],
  )
  // Pages of a table that has changed in between are read again.
  assert.deepEqual(wanted.done, done.slice(0, 1))
  files.transaction([insert(['6', 'x', 'y'])])
  await files.writer.flush()
  await files.writer.close()
  assert.deepEqual(await wanted.find(moved.cut(wide, wideOther)), { tag: 'rows', at: change })
  assert.equal(wanted.rows?.selection({ description: wideOther.description, pages: 9, file: 'f' })?.names.length, 3)
  assert.equal(moved.emitted.length, 4)
})

test('a backfill with too many changed rows whose feed ends before its cut emits the changes up to the end', async () => {
  using files = await WrittenLog.open()
  files.transaction([narrow, ofOther])
  const at = files.transaction([wide])
  const endTime = files.transaction([insert(['3', 'x', 'y'])])
  files.transaction([insert(['4', 'x', 'y'])])
  await files.writer.flush()
  await files.writer.close()
  using moved = await moving(files, { reason: 'backfill', at, done: [] }, { maxBytes: 100, spec: { endTime } })
  assert.deepEqual(await findOrMove(moved, wide), { tag: 'end', at: endTime })
  assert.deepEqual(moved.emitted, [`3@${times(endTime)[0]}`])
})

test('an initial scan that moves past a schema change reads the tables again that it has changed', async () => {
  for (const [policy, left] of [
    ['backfill', done.slice(1)],
    ['nobackfill', done],
  ] as const) {
    using files = await WrittenLog.open()
    const at = files.transaction([narrow, ofOther, insert(['1', 'x'])])
    const dropped = new TableLook({ columns: narrow.columns.slice(0, 1) })
    const change = files.transaction([dropped, insert(['2'])])
    await files.writer.flush()
    await files.writer.close()
    const spec = { schemaChanges: { events: 'default', policy } } as const
    using moved = await moving(files, { reason: 'initial', at, done }, { spec })
    assert.deepEqual(await findOrMove(moved, dropped, ofOther), { tag: 'rows', at: change })
    assert.deepEqual(moved.emitted, [`2@${times(change)[0]}`])
    assert.deepEqual(moved.wanted.done, left)
  }
})

test('a scan that has emitted rows in a format without deletions does not move: it ends', async () => {
  using files = await WrittenLog.open()
  const at = files.transaction([narrow, ofOther, insert(['1', 'x'])])
  files.transaction([new TableLook({ columns: narrow.columns.slice(0, 1) }), insert(['2'])])
  await files.writer.flush()
  await files.writer.close()
  const spec = { format: 'csv', initialScan: 'only', updated: false } as const
  using begun = await moving(files, { reason: 'initial', at, done }, { spec })
  await assert.rejects(findOrMove(begun, narrow, ofOther), {
    code: 'FEED_ROW',
    message: /^the rows as of \S+ cannot be read to their end: that snapshot is gone/,
    hint: /format=csv has no message that says which of these rows were changed or deleted since/,
  })
  assert.deepEqual(begun.emitted, [])
  using fresh = await moving(files, { reason: 'initial', at, done: [] }, { spec })
  assert.equal((await findOrMove(fresh, narrow, ofOther)).tag, 'rows')
})
