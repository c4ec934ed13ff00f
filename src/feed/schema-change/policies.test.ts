// What a feed does at a schema change by its policy, as far as no rows have to be read: it goes on, or it stops with a cursor.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runOverLog, type FeedCall, type FeedOverLog } from '../../../test/support/feed-over-log.ts'
import { insert, TableLook, textColumn, WrittenLog } from '../../../test/support/written-log.ts'
import type { SchemaChangeSpec } from '../../core/feed-spec.ts'
import { compareHlc, formatHlc, prevHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'

const narrow = new TableLook()
const withDefault = new TableLook({
  columns: [...narrow.columns, { ...textColumn('c', 3), hasDefault: true, missing: 'y' }],
})
const withNull = new TableLook({ columns: [...narrow.columns, textColumn('c', 3)] })
const otherKey = new TableLook({ primaryKey: ['b'] })
const filler = 'f'.repeat(20_000)

type Changes = Parameters<WrittenLog['transaction']>[0]

interface Written extends Disposable {
  readonly files: WrittenLog
  readonly first: Hlc
  /** The transaction that changes the table. */
  readonly change: Hlc
  readonly last: Hlc
}

async function write(changes: Changes): Promise<Written> {
  const files = await WrittenLog.open(1024 * 1024)
  const first = files.transaction([narrow, insert(['1', 'x'])])
  const change = files.transaction(changes)
  const look = changes.findLast((part) => part instanceof TableLook) ?? assert.fail('the table is not changed')
  const last = files.transaction([insert(['2', 'x', 'y'].slice(0, look.columns.length))])
  await files.writer.flush()
  await files.writer.close()
  return { files, first, change, last, [Symbol.dispose]: () => files[Symbol.dispose]() }
}

/** Resolved messages and checkpoints are an hour apart, if nothing makes one necessary. */
async function run(
  { files, last }: Written,
  schemaChanges: Partial<SchemaChangeSpec>,
  { spec, ...more }: Partial<FeedOverLog> = {},
): Promise<{ readonly calls: readonly FeedCall[]; readonly error: FeedError | undefined }> {
  const { calls, error } = await runOverLog({
    files,
    spec: {
      endTime: last,
      resolvedIntervalMs: 3_600_000,
      minCheckpointMs: 3_600_000,
      schemaChanges: { events: 'default', policy: 'backfill', ...schemaChanges },
      ...spec,
    },
    ...more,
  })
  assert.ok(error === undefined || error instanceof FeedError)
  return { calls, error }
}

const walls = (calls: readonly FeedCall[]): readonly bigint[] =>
  calls.flatMap((call) => (call.tag === 'emit' ? call.walls : []))
const times = (calls: readonly FeedCall[], tag: 'save' | 'resolved'): readonly string[] =>
  calls.flatMap((call) => (call.tag === tag ? [formatHlc(call.at)] : []))

test('stop ends the feed before the change, which is saved and resolved, and names the cursor that continues it', async () => {
  using written = await write([withDefault])
  const { files, first, change, last } = written
  const { calls, error } = await run(written, { policy: 'stop' })
  const at = formatHlc(change)
  assert.equal(error?.code, 'FEED_SCHEMA_CHANGE')
  assert.equal(error.message, `schema change occurred at ${at}`)
  assert.match(error.hint ?? '', new RegExp(`again with cursor = '${at}'`))
  assert.equal(error.retry, false)
  assert.deepEqual(walls(calls), [first.wall])
  const before = formatHlc(prevHlc(change))
  assert.equal(times(calls, 'save').at(-1), before)
  assert.equal(times(calls, 'resolved').at(-1), before)
  const next = await run(written, { policy: 'stop' }, { spec: { cursor: change } })
  assert.equal(next.error, undefined)
  assert.deepEqual(walls(next.calls), [last.wall])
  // A job that is paused by the error, and resumed, does not pass the change.
  const resumed = await run(written, { policy: 'stop' }, { resume: { tag: 'following', highWater: prevHlc(change) } })
  assert.equal(resumed.error?.message, error.message)
  assert.deepEqual(walls(resumed.calls), [])
  // A feed that ends before the change does not reach it.
  const ended = await run(written, { policy: 'stop' }, { spec: { endTime: prevHlc(change), cursor: files.start } })
  assert.equal(ended.error, undefined)
})

for (const [what, rows] of [
  ['a row', [insert(['3', 'x'])]],
  ['rows in many blocks', Array.from({ length: 200 }, (_, i) => insert([`a${i}`, filler]))],
] as const) {
  test(`if the transaction of the change has ${what}, too, the cursor is the time before, and the next feed passes the change`, async () => {
    using written = await write([...rows, withDefault])
    const { change, last } = written
    const { error, calls } = await run(written, { policy: 'stop' })
    const before = prevHlc(change)
    assert.equal(error?.message, `schema change occurred at ${formatHlc(before)}`)
    assert.equal(times(calls, 'resolved').at(-1), formatHlc(before))
    const next = await run(written, { policy: 'stop' }, { spec: { cursor: before } })
    assert.equal(next.error, undefined)
    assert.deepEqual(new Set(walls(next.calls)), new Set([change.wall, last.wall]))
    assert.equal(walls(next.calls).length, rows.length + 1)
  })
}

test('which changes count is said by schema_change_events; the others are passed without a trace', async () => {
  using added = await write([withNull])
  assert.equal((await run(added, { policy: 'stop', events: 'column_changes' })).error?.code, 'FEED_SCHEMA_CHANGE')
  const { calls, error } = await run(added, { policy: 'stop' })
  assert.equal(error, undefined)
  assert.deepEqual(walls(calls), [added.first.wall, added.last.wall])
  assert.deepEqual(times(calls, 'save'), [formatHlc(added.last)])
})

for (const policy of ['nobackfill', 'ignore'] as const) {
  test(`${policy} announces nothing`, async () => {
    using written = await write([insert(['3', 'x']), withDefault])
    const { calls, error } = await run(written, { policy, events: 'column_changes' })
    assert.equal(error, undefined)
    assert.deepEqual(walls(calls), [written.first.wall, written.change.wall, written.last.wall])
    assert.deepEqual(times(calls, 'save'), [formatHlc(written.last)])
  })
}

test('another primary key is announced, and no row is read again', async () => {
  using written = await write([otherKey])
  const { calls, error } = await run(written, { policy: 'backfill' })
  assert.equal(error, undefined)
  assert.deepEqual(walls(calls), [written.first.wall, written.last.wall])
  assert.deepEqual(times(calls, 'save'), [formatHlc(prevHlc(written.change)), formatHlc(written.last)])
  assert.equal((await run(written, { policy: 'stop' })).error?.code, 'FEED_SCHEMA_CHANGE')
})

test('a table that is dropped ends the feed with that error, whatever the policy', async () => {
  for (const policy of ['backfill', 'stop'] as const) {
    using written = await write([withDefault, new TableLook({ dropped: true })])
    const { error, calls } = await run(written, { policy })
    assert.equal(error?.code, 'FEED_DROPPED')
    assert.deepEqual(walls(calls), [written.first.wall])
  }
})

test('a job whose last save says that the rows of the change are emitted passes the change, and never saves less', async () => {
  using written = await write([insert(['3', 'x']), withDefault])
  const { change, last } = written
  const resume = { tag: 'following', highWater: prevHlc(change), passed: change } as const
  const spec = { resolvedIntervalMs: 0, minCheckpointMs: 0 }
  const { calls, error } = await run(written, { policy: 'backfill' }, { resume, spec })
  assert.equal(error, undefined)
  assert.deepEqual(walls(calls), [change.wall, last.wall])
  for (const call of calls) {
    if (call.tag !== 'save' && call.tag !== 'resolved') continue
    assert.ok(compareHlc(call.at, change) >= 0, `${call.tag} at ${formatHlc(call.at)}`)
  }
  // It is stopped before it has followed anything.
  const abort = new AbortController()
  abort.abort(new Error('stopped'))
  const stopped = await runOverLog({ files: written.files, spec, resume, signal: abort.signal })
  assert.equal((stopped.error as Error).message, 'stopped')
  assert.deepEqual(times(stopped.calls, 'save'), [])
})
