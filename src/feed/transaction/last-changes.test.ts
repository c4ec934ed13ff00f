// A transaction may make a primary key DEFERRABLE, or no longer DEFERRABLE, between two changes of a row.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  insert,
  relid,
  remove,
  TableLook,
  textColumn,
  update,
  updateOfKey,
  WrittenLog,
} from '../../../test/support/written-log.ts'
import type { RowView } from '../../core/row-view.ts'
import type { Encoder } from '../../encode/encoder.ts'
import { LogFollower } from '../follow/follow-log.ts'
import { ChangeWriter } from '../output/change-writer.ts'
import { MessageOutput } from '../output/message-output.ts'

type Change = Buffer | TableLook

const filler = 'f'.repeat(20_000)

function paddingRow(i: number, { columns }: TableLook): string[] {
  return columns.map(({ name }) => (name === 'a' ? `padding ${i}` : filler))
}

/** What a feed says of a transaction after one that inserted rows: `<key> <b after>|<b before>`, sorted. */
async function said(
  changes: readonly Change[],
  { start = new TableLook(), diff = true, isLarge = false } = {},
): Promise<string[]> {
  using files = await WrittenLog.open()
  const first = files.transaction([start, insert(['1', 'old']), insert(['2', 'old'])])
  let look = start
  const padded = changes.flatMap((change) => {
    if (change instanceof TableLook) look = change
    return [change, ...Array.from({ length: 200 }, (_, i) => insert(paddingRow(i, look)))]
  })
  const last = files.transaction(isLarge ? padded : changes)
  await files.writer.flush()
  await files.writer.close()
  const lines: string[] = []
  const b = (row: RowView | undefined): string =>
    row === undefined ? '-' : row.bytes.toString('latin1', row.starts[1], row.ends[1])
  const encoder: Encoder = {
    prepare: () => 0,
    encodeKey: (_relation, row, out) => out.copy(row.bytes, row.starts[0], row.ends[0]),
    encodeValue: ({ after, before }, out) => {
      out.latin1(` ${b(after)}|${b(before)}`)
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
  const writer = new ChangeWriter(messages)
  using reader = files.log.readAfter(first)
  const follower = new LogFollower({
    log: files.log,
    reader,
    targets: [{ relid, topic: 't', tableName: 't' }],
    diff,
    after: first,
    endTime: last,
    stopsAtSchemaChange: false,
    changes: writer,
    advanced: () => writer.drain(),
    signal: new AbortController().signal,
    limits: isLarge ? { rows: 300, bytes: 1e9 } : undefined,
  })
  await follower.run()
  await writer.drain()
  return lines.filter((line) => !line.startsWith('padding')).sort()
}

const plain = new TableLook()
const deferrable = new TableLook({ deferrableKey: true })
const wider = new TableLook({ deferrableKey: true, columns: [...plain.columns, textColumn('c', 3)] })

const cases: readonly {
  readonly name: string
  readonly start?: TableLook
  readonly changes: readonly Change[]
  readonly says: readonly string[]
}[] = [
  {
    name: 'updates before and after a key becomes DEFERRABLE are one message per row',
    changes: [
      update(['1', 'old'], ['1', 'mid']),
      update(['2', 'old'], ['2', 'mid']),
      deferrable,
      update(['1', 'mid'], ['1', 'new']),
      update(['2', 'mid'], ['2', 'new']),
    ],
    says: ['1 new|old', '2 new|old'],
  },
  {
    name: 'updates before and after a key is no longer DEFERRABLE are one message per row',
    start: deferrable,
    changes: [update(['1', 'old'], ['1', 'mid']), plain, update(['1', 'mid'], ['1', 'new'])],
    says: ['1 new|old'],
  },
  {
    name: 'a key may be DEFERRABLE for a part of the transaction only',
    changes: [
      update(['1', 'old'], ['1', 'mid']),
      deferrable,
      update(['1', 'mid'], ['2', 'from 1']),
      update(['2', 'old'], ['1', 'from 2']),
      plain,
      update(['1', 'from 2'], ['1', 'new']),
    ],
    says: ['1 new|old', '2 from 1|old'],
  },
  {
    name: 'a row that comes before the key becomes DEFERRABLE and goes after it was never there',
    changes: [insert(['3', 'x']), deferrable, remove(['3', 'x'])],
    says: [],
  },
  {
    name: 'a row that goes before the key becomes DEFERRABLE and comes again after it was there',
    changes: [remove(['1', 'old']), deferrable, insert(['1', 'new'])],
    says: ['1 new|old'],
  },
  {
    name: 'a row that comes before its table gets a column and goes after it was never there',
    start: deferrable,
    changes: [insert(['3', 'x']), wider, remove(['3', 'x', 'c'])],
    says: [],
  },
  {
    name: 'a row that was there is updated before and after its table gets a column, and goes',
    start: deferrable,
    changes: [
      update(['1', 'old'], ['1', 'mid']),
      wider,
      update(['1', 'mid', 'c'], ['1', 'late', 'c']),
      remove(['1', 'late', 'c']),
    ],
    says: ['1 -|old'],
  },
]

for (const { name, start, changes, says } of cases) {
  test(name, async () => {
    assert.deepEqual(await said(changes, { start }), says)
    assert.deepEqual(await said(changes, { start, isLarge: true }), says, 'over many blocks, in passes')
  })
}

test('what was not logged of rows before their key became DEFERRABLE is not missed', async () => {
  const keyOnly = new TableLook({ identity: 'd' })
  const changes = [updateOfKey(['1', 'mid']), insert(['3', 'x']), deferrable, update(['1', 'mid'], ['1', 'new'])]
  const options = { start: keyOnly, diff: false }
  assert.deepEqual(await said([...changes, remove(['3', 'x'])], options), ['1 new|-'])
  assert.deepEqual(await said([...changes, remove(['3', 'x'])], { ...options, isLarge: true }), ['1 new|-'])
})
