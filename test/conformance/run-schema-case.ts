// A case about what a DDL means, without a feed: the descriptions of the table before and after it are compared.

import assert from 'node:assert/strict'
import type pg from 'pg'
import type { SchemaChangeSpec } from '../../src/core/feed-spec.ts'
import type { TableDescription } from '../../src/core/table.ts'
import { significanceOf, type Significance } from '../../src/feed/follow/significance.ts'
import type { ConformanceCase } from './cases.ts'

/** The kinds of CockroachDB's events, and what they mean for `schema_change_events` = default and column_changes. */
const meanings: Readonly<Record<string, Readonly<Record<SchemaChangeSpec['events'], Significance>>>> = {
  AddColumnNoBackfill: { default: 'none', column_changes: 'rows' },
  AddColumnWithBackfill: { default: 'rows', column_changes: 'rows' },
}

export async function runSchemaCase({ steps }: ConformanceCase, client: pg.Client): Promise<void> {
  // What describes tables is installed with the first changefeed.
  await client.query('EXPERIMENTAL CHANGEFEED FOR t WITH initial_scan_only')
  const describe = async (): Promise<TableDescription> => {
    const { rows } = await client.query<{ text: string }>("SELECT changefeed.describe('t'::regclass)::text AS text")
    return JSON.parse(rows[0]?.text ?? '') as TableDescription
  }
  let before = await describe()
  let after = before
  for (const { sql, expect } of steps) {
    if (sql !== undefined) {
      await client.query(sql)
      before = after
      after = await describe()
    }
    for (const text of expect ?? []) {
      const meaning = meanings[/\b(AddColumn\w+)/.exec(text)?.[1] ?? '']
      assert.ok(meaning !== undefined, `the runner does not know what this means: ${text}`)
      for (const events of ['default', 'column_changes'] as const)
        assert.equal(significanceOf({ before, after }, events), meaning[events], `${sql} with ${events}`)
    }
  }
}
