// A DDL between a cursor and the scan that is to give the rows as of it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { insert, relid, remove, TableLook, textColumn, update, WrittenLog } from '../../../test/support/written-log.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { ColumnDescription } from '../../core/table.ts'
import { openOutput } from '../output/open-output.ts'
import type { Encoder } from '../../encode/encoder.ts'
import { findGap } from './find-gap.ts'
import { RowsAtCursor } from './rows-at-cursor.ts'

type Change = Buffer | TableLook

const ready: Encoder['prepare'] = () => 0

/** The rows that have changed since the cursor, with the columns that are printed; each DDL and change a transaction. */
async function takenBack(changes: readonly Change[], start = new TableLook(), prepare = ready): Promise<string[]> {
  using files = await WrittenLog.open()
  const cursor = files.transaction([start, insert(['1', 'old']), insert(['2', 'old'])])
  let cut: Hlc = cursor
  for (const change of changes) cut = files.transaction([change])
  await files.writer.flush()
  await files.writer.close()
  return rowsAt(files, cursor, cut, prepare)
}

async function rowsAt(files: WrittenLog, cursor: Hlc, cut: Hlc, prepare = ready): Promise<string[]> {
  const lines: string[] = []
  const encoder: Encoder = {
    prepare,
    encodeKey: () => undefined,
    encodeValue: ({ after }) => {
      const text = (i: number): string | undefined => after?.bytes.toString('latin1', after.starts[i], after.ends[i])
      lines.push((after?.relation?.columns ?? []).map(({ name }, i) => `${name}=${text(i)}`).join(' '))
      return true
    },
    prepareResolved: () => undefined,
    encodeResolved: () => undefined,
  }
  const targets = [{ relid, topic: 't', tableName: 't' }]
  const { signal } = new AbortController()
  const stash = openOutput({ encoder, signal, emitBatch: async () => undefined })
  using rows = new RowsAtCursor({ log: files.log, targets, cursor, stash, yieldThread: async () => undefined, signal })
  await rows.readTo({ time: cut })
  return lines
}

const plain = new TableLook()
const [a, b] = plain.columns as [ColumnDescription, ColumnDescription]
const c = textColumn('c', 3)
const withColumns = (...columns: ColumnDescription[]): TableLook => new TableLook({ columns })

test('an encoder that has to wait for each version of a table gets the same rows', async () => {
  const wider = withColumns(a, b, c)
  const changes = [
    update(['1', 'old'], ['1', 'mid']),
    wider,
    remove(['2', 'old', 'c']),
    update(['1', 'mid', 'c'], ['1', 'new', 'c']),
  ]
  const rows = await takenBack(changes)
  assert.equal(rows.length, 2)
  assert.deepEqual(await takenBack(changes, plain, () => nextTurn(1)), rows)
})

test('columns that were added since the cursor are left out', async () => {
  const wider = withColumns(a, b, c)
  const changes = [
    update(['1', 'old'], ['1', 'mid']),
    wider,
    update(['1', 'mid', 'c'], ['1', 'new', 'c']),
    remove(['2', 'old', 'c']),
    insert(['3', 'new', 'c']),
  ]
  assert.deepEqual(await takenBack(changes), ['a=1 b=old', 'a=2 b=old'])
})

test('rows of a DEFERRABLE key are taken back across the addition of a column', async () => {
  const deferrable = new TableLook({ deferrableKey: true })
  const wider = new TableLook({ deferrableKey: true, columns: [a, b, c] })
  const changes = [
    update(['1', 'old'], ['1', 'mid']),
    insert(['3', 'new']),
    wider,
    update(['1', 'mid', 'c'], ['1', 'new', 'c']),
    remove(['3', 'new', 'c']),
  ]
  assert.deepEqual(await takenBack(changes, deferrable), ['a=1 b=old'])
})

for (const [what, look, message] of [
  [
    'the key became DEFERRABLE',
    new TableLook({ deferrableKey: true }),
    /primary key of table "t" has become DEFERRABLE/,
  ],
  ['a column was renamed', withColumns(a, { ...b, name: 'other' }), /column "b" of table "t" has changed or is gone/],
  ['a column was dropped', withColumns(a), /column "b" of table "t" has changed or is gone/],
  ['a column was dropped and added again', withColumns(a, { ...b, attnum: 3 }), /column "b" of table "t"/],
  ['the type of a column changed', withColumns(a, { ...b, typeOid: 1043 }), /column "b" of table "t"/],
  ['the length of a column changed', withColumns(a, { ...b, typmod: 8 }), /column "b" of table "t"/],
  [
    'every row was rewritten',
    new TableLook({ rewrites: 1 }),
    /every row of table "t" was rewritten .* since the cursor, so its rows as of the cursor cannot be found/,
  ],
] as const) {
  test(`rows as of a cursor are refused when ${what} since, be it undone and no row touched`, async () => {
    const refused = { message, code: 'FEED_STATE', hint: /a cursor behind the change, without a cursor, or/ }
    await assert.rejects(takenBack([update(['1', 'old'], ['1', 'new']), look]), refused)
    await assert.rejects(takenBack([look, plain]), refused)
  })
}

test('rows as of a cursor are refused when the key is not DEFERRABLE any more', async () => {
  const deferrable = new TableLook({ deferrableKey: true })
  await assert.rejects(takenBack([plain], deferrable), /is not DEFERRABLE any more since the cursor/)
})

test('changes that are missing since the cursor are noticed, those before it are not needed, be it in one block', async () => {
  using files = await WrittenLog.open()
  const first = files.transaction([plain, insert(['1', 'old'])])
  files.gap('the slot was lost')
  const cursor = files.transaction([insert(['2', 'old'])])
  const cut = files.transaction([update(['2', 'old'], ['2', 'new'])])
  await files.writer.flush()
  await files.writer.close()
  assert.deepEqual(await rowsAt(files, cursor, cut), ['a=2 b=old'])
  await assert.rejects(
    rowsAt(files, first, cut),
    /changes since the cursor are missing from the changelog: the slot was lost$/,
  )
  const { signal } = new AbortController()
  const lostSince = (after: Hlc): Promise<string | undefined> =>
    findGap({ log: files.log, relids: [relid], after, signal })
  assert.equal(await lostSince(first), 'the slot was lost')
  assert.equal(await lostSince(cursor), undefined)
})
