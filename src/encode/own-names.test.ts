import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planFor } from '../../test/support/plan-for.ts'
import { specOf } from '../../test/support/spec-of.ts'
import { TableLook, textColumn } from '../../test/support/written-log.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import { relationOfDescription } from '../decode/schema-history.ts'
import type { FeedError } from '../errors/feed-error.ts'
import { openEncoder } from './open-encoder.ts'

/** A column, the options with which messages have a value of its name, and what the encoder is opened with. */
const taken: readonly (readonly [column: string, options: string, spec: Partial<FeedSpec>])[] = [
  ['__crdb__event_type', 'format = parquet', { format: 'parquet' }],
  ['__crdb__updated', 'format = parquet, updated', { format: 'parquet', updated: true }],
  ['__crdb__mvcc_timestamp', 'format = parquet, mvcc_timestamp', { format: 'parquet', mvccTimestamp: true }],
  ['__crdb__before', 'format = parquet, diff', { format: 'parquet', diff: true }],
]
const inRow: (typeof taken)[number] = ['__crdb__', 'envelope = row, updated', { envelope: 'row', updated: true }]

function refusal(column: string, format: string): (error: FeedError) => boolean {
  return ({ code, message, hint = '' }) => {
    assert.equal(code, 'FEED_TARGET')
    assert.match(
      message,
      new RegExp(`has a column ${column}, and format=${format} writes values of its own under that name`),
    )
    assert.match(hint, new RegExp(`^ALTER TABLE \\S+ RENAME COLUMN ${column} TO …`))
    return true
  }
}

test('a table with a column of a name under which messages have something else is refused by the statement', () => {
  for (const [column, options] of taken) {
    const sql = `CREATE CHANGEFEED FOR t INTO 'nodelocal://1/x' WITH ${options}`
    assert.throws(() => planFor(sql, { column }), refusal(column, 'parquet'), options)
  }
  const [column, options] = inRow
  assert.throws(() => planFor(`CREATE CHANGEFEED FOR t WITH ${options}`, { column }), refusal(column, 'json'))
})

test('a column of such a name is no harm where messages have nothing else under it', () => {
  const into = "INTO 'nodelocal://1/x' WITH"
  for (const [column, written] of [
    ['__crdb__updated', `${into} format = parquet`],
    ['__crdb__before', `${into} format = parquet, updated, mvcc_timestamp`],
    ['__crdb__event_type', `${into} updated`],
    ['__crdb__', 'WITH envelope = row'],
    ['__crdb__', 'WITH updated, diff'],
  ] as const)
    assert.ok(planFor(`CREATE CHANGEFEED FOR t ${written}`, { column }), written)
})

test('a table that gets such a column later ends its changefeed, and no message has two values of a name', async () => {
  for (const [column, , spec] of [...taken, inRow]) {
    const format = spec.format ?? 'json'
    const encoder = await openEncoder(specOf(spec))
    const table = new TableLook()
    encoder.prepare(relationOfDescription(table.description), 0)
    const altered = new TableLook({ columns: [...table.columns, textColumn(column, 3)] })
    assert.throws(() => encoder.prepare(relationOfDescription(altered.description), 0), refusal(column, format))
  }
})
