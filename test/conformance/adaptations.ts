// Where a case must be said in other words on PostgreSQL, as its own notes allow. Nothing here changes what is promised.

import type { ConformanceCase, ConformanceStep } from './cases.ts'

type Change = (original: ConformanceCase) => ConformanceCase

/** A primary key is changed by another statement. */
const alterPrimaryKey: Change = (original) => ({
  ...original,
  steps: original.steps.map((step) => ({
    ...step,
    ...(step.sql === undefined
      ? {}
      : {
          sql: step.sql.replace(
            /ALTER TABLE (\w+) ALTER PRIMARY KEY USING COLUMNS \((\w+)\)/,
            'ALTER TABLE $1 DROP CONSTRAINT $1_pkey, ADD PRIMARY KEY ($2)',
          ),
        }),
  })),
})

/** The second set of rows is CockroachDB's own rewriting of the table; PostgreSQL rewrites nothing. Times are left out. */
const withoutRewrite: Change = (original) => ({
  ...original,
  feed: original.feed.replace(', updated', ''),
  steps: original.steps.map((step, index) =>
    index === original.steps.length - 1 && step.expect !== undefined ? { expect: step.expect.slice(0, -3) } : step,
  ),
})

/** An encoder's test with one row at a fixed time: here a feed over that row, whose times are what they are. */
const encoder: Change = (original) => ({
  ...original,
  sql: original.sql.filter((statement) => !statement.startsWith('--')),
  feed: `${original.feed}, resolved, no_initial_scan`,
  // A resolved message first: the feed must have begun before the row is written.
  steps: [{ expect: ['one resolved timestamp'] }, ...original.steps.map(encoderStep)],
})

function encoderStep({ sql, expect }: ConformanceStep): ConformanceStep {
  if (expect !== undefined) return { expect: expect.map((text) => text.replace('1.0000000002', '<hlc>')) }
  if (sql === '-- encode insert --') return { sql: "INSERT INTO foo VALUES (1, 'bar')" }
  if (sql === '-- encode delete --') return { sql: 'DELETE FROM foo' }
  return { sql: '' }
}

/** A cursor lies in what was recorded, and a table is recorded from its first changefeed on. */
const recordedFromTheStart: Change = (original) => ({
  ...original,
  sql: original.sql.flatMap((statement) => {
    const table = /^CREATE TABLE (\w+)/.exec(statement)?.[1]
    return table === undefined
      ? [statement]
      : [statement, `EXPERIMENTAL CHANGEFEED FOR ${table} WITH initial_scan_only`]
  }),
})

/** A notice about options, whatever the sink. */
const intoNull: Change = (original) => ({ ...original, feed: original.feed.replace(/INTO '[^']*'/, "INTO 'null://'") })

/** PostgreSQL has no column families; the statement is refused before it matters which a table has. */
const withoutFamilies: Change = (original) => ({
  ...original,
  sql: original.sql.map((statement) => statement.replace(/, family \w+\(\w+\)/g, '')),
})

const changes: Readonly<Record<string, Change>> = {
  'cursor-002': recordedFromTheStart,
  'cursor-003': recordedFromTheStart,
  'cursor-schema-001': withoutRewrite,
  'scan-004': recordedFromTheStart,
  'pk-002': alterPrimaryKey,
  'notice-002': intoNull,
  'notice-003': intoNull,
  'err-013': withoutFamilies,
}

export function adapted(original: ConformanceCase): ConformanceCase {
  const change = original.id.startsWith('encoder-') ? encoder : changes[original.id]
  return change === undefined ? original : change(original)
}
