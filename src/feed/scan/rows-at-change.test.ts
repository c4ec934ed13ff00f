// The rows that a schema change has left, found at a later cut, over a written log.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  insert,
  remove,
  removeOfKey,
  TableLook,
  textColumn,
  update,
  updateKey,
  updateOfKey,
  WrittenLog,
} from '../../../test/support/written-log.ts'
import { ScanAtChange, type NamedRow } from '../../../test/support/scan-at-change.ts'
import type { ColumnDescription, TableDescription } from '../../core/table.ts'

type Change = Buffer | TableLook

interface Given {
  /** The table before the change, and after it. */
  readonly start?: TableLook
  readonly changed?: TableLook
  /** Each is a transaction after the change. */
  readonly later?: readonly (Change | readonly Change[])[]
  /** The table at the cut; by default as the last look has left it. */
  readonly now?: TableLook
  /** The rows at the cut. */
  readonly rows?: readonly NamedRow[]
  readonly diff?: boolean
  readonly maxBytes?: number
}

const plain = new TableLook()
const [a, b] = plain.columns as [ColumnDescription, ColumnDescription]
const c = textColumn('c', 3)
const look = (columns: readonly ColumnDescription[], more: Partial<TableDescription> = {}): TableLook =>
  new TableLook({ columns, ...more })
/** A table of which only keys are logged. */
const keyed = (columns: readonly ColumnDescription[], more: Partial<TableDescription> = {}): TableLook =>
  look(columns, { identity: 'd', ...more })

async function found(given: Given): Promise<{ readonly lines: readonly string[]; readonly leftOut: number }> {
  const { start = plain, changed = look([a, b, c]), later = [], rows = [] } = given
  using files = await WrittenLog.open()
  files.transaction([start, insert(['1', 'old'])])
  const at = files.transaction([changed])
  for (const changes of later) files.transaction(Array.isArray(changes) ? changes : [changes as Change])
  await files.writer.flush()
  await files.writer.close()
  using scan = new ScanAtChange(files, at, given)
  const last = [changed, ...later.flat()].findLast((change) => change instanceof TableLook)
  await scan.read(given.now ?? last ?? changed, rows)
  return { lines: scan.lines, leftOut: scan.leftOut.length }
}

const linesOf = async (given: Given): Promise<readonly string[]> => (await found({ diff: false, ...given })).lines

test('a row that has not changed since is emitted with the columns and names of the schema change', async () => {
  const renamed = look([a, { ...b, name: 'renamed' }, c, textColumn('d', 4)])
  const rows = [{ a: '1', renamed: 'x', c: null, d: 'later' }]
  assert.deepEqual(await linesOf({ rows }), ['a=1 b=NULL c=NULL'])
  assert.deepEqual(await linesOf({ later: [renamed], rows }), ['a=1 b=x c=NULL'])
})

test('a row that was inserted since is not emitted, whatever happens to it', async () => {
  const later = [
    insert(['1', 'x', 'y']),
    insert(['2', 'x', 'y']),
    update(['2', 'x', 'y'], ['2', 'x', 'z']),
    insert(['3', 'x', 'y']),
    remove(['3', 'x', 'y']),
  ]
  const rows = [
    { a: '1', b: 'x', c: 'y' },
    { a: '2', b: 'x', c: 'z' },
  ]
  assert.deepEqual(await linesOf({ later, rows }), [])
})

test('a row that was updated or deleted since is emitted as it was, if the log has the old row', async () => {
  const later = [
    update(['1', 'one', 'y'], ['1', 'two', 'y']),
    update(['1', 'two', 'y'], ['1', 'three', 'y']),
    remove(['2', 'gone', 'y']),
    insert(['2', 'again', 'y']),
    update(['3', 'moved', 'y'], ['4', 'moved', 'y']),
  ]
  const rows = [
    { a: '1', b: 'three', c: 'y' },
    { a: '2', b: 'again', c: 'y' },
    { a: '4', b: 'moved', c: 'y' },
  ]
  assert.deepEqual(await linesOf({ later, rows }), ['a=1 b=one c=y', 'a=2 b=gone c=y', 'a=3 b=moved c=y'])
})

test('a row that was updated or deleted since is left to the stream, if the log has only its key', async () => {
  const changed = keyed([a, b, c])
  const later = [
    updateOfKey(['1', 'two', 'y']),
    removeOfKey(['2', null, null]),
    updateKey(['3', null, null], ['4', 'x', 'y']),
  ]
  const rows = [
    { a: '1', b: 'two', c: 'y' },
    { a: '4', b: 'x', c: 'y' },
    { a: '5', b: 'same', c: 'y' },
  ]
  assert.deepEqual(await linesOf({ start: keyed([a, b]), changed, later, rows }), ['a=5 b=same c=y'])
})

test('an old row that was logged with other columns is emitted with those of the schema change', async () => {
  const wider = look([a, { ...b, name: 'renamed' }, c, textColumn('d', 4)])
  const later = [wider, update(['1', 'one', 'y', 'd'], ['1', 'two', 'y', 'd'])]
  assert.deepEqual(await linesOf({ later }), ['a=1 b=one c=y'])
})

test('rows are found under every key that the table had since', async () => {
  const byC = look([a, b, c], { primaryKey: ['c'] })
  const byBoth = look([a, b, c], { primaryKey: ['c', 'a'] })
  const later = [
    byC,
    update(['1', 'one', 'x'], ['1', 'two', 'x']),
    byBoth,
    update(['2', 'one', 'y'], ['2', 'two', 'y']),
    look([a, b, c]),
  ]
  const rows = [
    { a: '1', b: 'two', c: 'x' },
    { a: '2', b: 'two', c: 'y' },
    { a: '3', b: 'same', c: 'z' },
  ]
  assert.deepEqual(await linesOf({ later, rows }), ['a=3 b=same c=z'])
  // The key is a column that the table did not have at the schema change.
  const d = textColumn('d', 4)
  const byD = look([a, b, c, d], { primaryKey: ['d'] })
  const added = [look([a, b, c, d]), byD, update(['1', 'one', 'x', 'p'], ['1', 'two', 'x', 'p'])]
  const withD = rows.map((row, i) => ({ ...row, d: 'pqr'[i] as string }))
  assert.deepEqual(await linesOf({ later: added, rows: withD }), ['a=2 b=two c=y', 'a=3 b=same c=z'])
})

test('an old row is not emitted when an earlier change of the row may be known under another key only', async () => {
  const byC = look([a, b, c], { primaryKey: ['c'] })
  const later = [
    byC,
    update(['1', 'one', 'x'], ['1', 'two', 'x']),
    look([a, b, c]),
    update(['1', 'two', 'x'], ['1', 'three', 'x']),
  ]
  assert.deepEqual(await linesOf({ later, rows: [{ a: '1', b: 'three', c: 'x' }] }), [])
})

test('rows of a DEFERRABLE key are told apart by all their values', async () => {
  const changed = look([a, b, c], { deferrableKey: true })
  // Two rows change places; another one has the key of a row that nobody changes, for a moment.
  const later = [
    [update(['1', 'one', 'x'], ['2', 'one', 'x']), update(['2', 'two', 'x'], ['1', 'two', 'x'])],
    [update(['3', 'three', 'x'], ['4', 'three', 'x']), update(['4', 'three', 'x'], ['3', 'three', 'x'])],
  ]
  const rows = [
    { a: '2', b: 'one', c: 'x' },
    { a: '1', b: 'two', c: 'x' },
    { a: '3', b: 'three', c: 'x' },
    { a: '4', b: 'four', c: 'x' },
  ]
  assert.deepEqual(await linesOf({ changed, later, rows }), [
    'a=1 b=one c=x',
    'a=2 b=two c=x',
    'a=3 b=three c=x',
    'a=4 b=four c=x',
  ])
  // The key is DEFERRABLE for a part of the time only.
  const mixed = [
    update(['1', 'one', 'x'], ['1', 'two', 'x']),
    changed,
    update(['1', 'two', 'x'], ['1', 'three', 'x']),
    update(['2', 'one', 'x'], ['2', 'two', 'x']),
    look([a, b, c]),
    update(['2', 'two', 'x'], ['2', 'three', 'x']),
  ]
  assert.deepEqual(await linesOf({ later: mixed, rows: [...rows.slice(0, 2), { a: '5', b: 'same', c: 'x' }] }), [
    'a=1 b=one c=x',
    'a=5 b=same c=x',
  ])
})

test('columns that were added since, and dropped again, do not matter', async () => {
  const added = look([a, b, c, { ...textColumn('d', 4), notNull: true }])
  const rows = [{ a: '1', b: 'x', c: 'y', d: 'd' }]
  assert.deepEqual(await linesOf({ later: [added], rows }), ['a=1 b=x c=y'])
  assert.deepEqual(await linesOf({ later: [added, look([a, b, c])], rows }), ['a=1 b=x c=y'])
})

test('a table is left out when a later change in the log has taken values away, even if that was undone', async () => {
  const rows = [{ a: '1', b: 'x', c: 'y' }]
  for (const later of [
    [look([a, c])],
    [look([a, b, { ...c, attnum: 4 }])],
    [look([a, b, c], { rewrites: 1 })],
    [look([a, b, { ...c, shape: { tag: 'scalar', name: 'int8' } }]), look([a, b, c])],
  ] as const) {
    assert.deepEqual(await found({ later, rows, diff: false }), { lines: [], leftOut: 1 })
  }
  // One transaction drops a column and adds it again, and the log does not describe it in between.
  const [gone, again] = [look([a, c]), look([a, { ...b, attnum: 4 }, c])]
  assert.deepEqual(await found({ later: [[gone, again]], rows, diff: false }), { lines: [], leftOut: 1 })
})

test('an old row with values that a change of the same transaction has given it is not emitted', async () => {
  const later = [[look([a, b, c], { rewrites: 1 }), update(['1', 'new', 'x'], ['1', 'newer', 'x'])]]
  assert.deepEqual(await found({ later, diff: false }), { lines: [], leftOut: 1 })
})

test('what cannot be decided is said', async () => {
  const keyless = look([a, b, c], { primaryKey: [] })
  const refused = (pattern: RegExp): { message: RegExp; code: string } => ({ message: pattern, code: 'FEED_STATE' })
  await assert.rejects(
    found({ later: [keyless, update(['1', 'x', 'y'], ['1', 'z', 'y'])] }),
    refused(/rows of table "t" were changed while it had no primary key/),
  )
  await assert.rejects(
    found({ later: [insert(['1', 'x', 'y'])], maxBytes: 100 }),
    refused(/too many rows have changed/),
  )
  await assert.rejects(found({ now: look([a, c]) }), refused(/"t" was changed, and the log does not say when/))
})

test('before is the row with those columns of the old schema whose values are still there', async () => {
  const rows = [{ a: '1', b: 'x', c: 'y' }]
  const line = async (start: TableLook, changed: TableLook): Promise<string | undefined> =>
    (await found({ start, changed, rows })).lines[0]
  const number = { ...b, shape: { tag: 'scalar', name: 'int8' } } as const
  const longer = { ...b, typmod: 14 }
  const old = { ...b, name: 'old' }
  assert.equal(await line(plain, look([a, b, c])), 'a=1 b=x c=y <- a=1 b=x')
  assert.equal(await line(look([a, b, c]), look([a, c])), 'a=1 c=y <- a=1 c=y')
  assert.equal(await line(look([a, old]), look([a, b, c])), 'a=1 b=x c=y <- a=1 old=x')
  // Every row was written anew: for a column of another type or scale, for an added one, and for a reason that is not known.
  assert.equal(await line(plain, look([a, number], { rewrites: 1 })), 'a=1 b=x <- a=1')
  assert.equal(await line(look([a, b, c]), look([a, longer, c], { rewrites: 1 })), 'a=1 b=x c=y <- a=1 c=y')
  assert.equal(await line(plain, look([a, b, c], { rewrites: 1 })), 'a=1 b=x c=y <- a=1 b=x')
  assert.equal(await line(plain, look([a, b], { rewrites: 1 })), 'a=1 b=x <- a=1')
})

test('a later cut continues where the reading has stopped', async () => {
  using files = await WrittenLog.open()
  files.transaction([plain, insert(['1', 'old'])])
  const wider = look([a, b, c])
  const at = files.transaction([wider])
  files.transaction([update(['1', 'one', 'x'], ['1', 'two', 'x'])])
  await files.writer.flush()
  using scan = new ScanAtChange(files, at, { diff: false })
  await scan.read(wider, [{ a: '2', b: 'same', c: 'x' }])
  files.transaction([update(['1', 'two', 'x'], ['1', 'three', 'x']), update(['2', 'same', 'x'], ['2', 'other', 'x'])])
  await files.writer.flush()
  await scan.read(wider, [
    { a: '1', b: 'three', c: 'x' },
    { a: '2', b: 'other', c: 'x' },
    { a: '3', b: 'same', c: 'x' },
  ])
  await files.writer.close()
  assert.deepEqual(scan.lines, ['a=1 b=one c=x', 'a=2 b=same c=x', 'a=2 b=same c=x', 'a=3 b=same c=x'])
})
