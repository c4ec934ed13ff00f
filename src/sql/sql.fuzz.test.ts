// Statements of random words: whatever is typed, it is read, and what is wrong is told with its place.

import fc from 'fast-check'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import { applySplices } from './splices.ts'
import { readSql } from './sql.ts'
import { characters } from './typed-position.ts'

const starts = [
  'EXPERIMENTAL CHANGEFEED FOR',
  'CREATE CHANGEFEED FOR t',
  'SET CLUSTER SETTING a.b =',
  'SHOW',
  'PAUSE JOBS',
  'CANCEL',
  'USE',
  'SELECT * FROM [SHOW',
  'WITH x AS (SHOW',
  'SELECT a::',
  'CREATE TABLE t (',
  'ALTER TABLE t ADD',
  'UPSERT INTO t',
  'COPY t',
  '',
]
const words = [
  ...'()[],;.=*-\'"',
  ...'t é 😀 "T" \'s\' 1 30s $1 -1 :: WITH INTO FOR TABLE FAMILY DATABASE OPTIONS SHOW JOB JOBS QUERIES WHEN COMPLETE'.split(
    ' ',
  ),
  ...'SELECT FROM AS VALUES RETURNING WHERE AND STRING BYTES INT PRIMARY KEY DEFAULT UPSERT SETTING ALL /*c*/ --c\n'.split(
    ' ',
  ),
]
const statement = fc
  .tuple(fc.constantFrom(...starts), fc.array(fc.constantFrom(...words), { maxLength: 12 }))
  .map(([start, rest]) => [start, ...rest].join(' '))

test('every text is read, and errors are ours and lie in it', () => {
  fc.assert(
    fc.property(fc.array(statement, { minLength: 1, maxLength: 3 }), fc.boolean(), (statements, dialect) => {
      const sql = statements.join(';')
      let end = 0
      for (const piece of readSql(sql, { dialect, show: () => 'SELECT 1' }) ?? []) {
        assert.ok(piece.start >= end && piece.end <= sql.length)
        end = piece.end
        if (piece.tag === 'forward') {
          assert.equal(piece.sql, applySplices(sql, piece.splices, piece.start, piece.end))
          for (const splice of piece.splices) assert.ok(splice.start >= piece.start && splice.end <= piece.end)
        } else assert.equal(piece.sql, sql.slice(piece.start, piece.end))
        if (piece.tag !== 'error') continue
        assert.ok(piece.error instanceof FeedError, String(piece.error))
        const { position = 0 } = piece.error
        assert.ok(position > characters(sql, 0, piece.start) && position <= characters(sql, 0, piece.end) + 1)
      }
    }),
    { seed: 20_260_728, numRuns: 10_000 },
  )
})
