// A table without a primary key gets one when a changefeed first watches it (sql/dialect/rowid-key.ts).

import { keyToAdd, type KeyToAdd } from '../sql/dialect/rowid-key.ts'
import type { TargetFacts } from './catalogue.ts'

/** Returns the key to add; undefined: the table has a key, or cannot get one. */
export function keyChange(table: TargetFacts): KeyToAdd | undefined {
  return table.primaryKey.length > 0 || table.keyless === null ? undefined : keyToAdd(table.keyless)
}

/** Returns the table as it will be with its key. */
export function withKey(table: TargetFacts): TargetFacts {
  const change = keyChange(table)
  if (change === undefined) return table
  const { column } = change
  const isThere = table.columns.some(({ name }) => name === column)
  return {
    ...table,
    primaryKey: [column],
    columns: isThere
      ? table.columns
      : [...table.columns, { name: column, type: 'bigint', fullType: 'bigint', generated: '' }],
  }
}

/**
 * Returns one statement that adds what is not there yet: another changefeed may have been started at the same time, and the
 * column of a parent, which the same changefeed may watch, is added to its children, too.
 */
export function keySql(relid: number, { column, statements }: KeyToAdd): string {
  const makesKey = statements.at(-1) ?? ''
  const hasColumn = `EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = ${relid} AND attname = '${column}' AND NOT attisdropped)`
  const addsColumn = statements.length > 1 ? `IF NOT ${hasColumn} THEN ${statements[0]}; END IF; ` : ''
  const hasKey = `EXISTS (SELECT FROM pg_catalog.pg_index WHERE indrelid = ${relid} AND indisprimary)`
  const body = `IF NOT ${hasKey} THEN ${addsColumn}${makesKey}; END IF`
  let tag = '$key$'
  for (let i = 0; body.includes(tag); i++) tag = `$key${i}$`
  return `DO ${tag} BEGIN ${body}; END ${tag}`
}

export function keyNotice({ name }: TargetFacts, { column, statements }: KeyToAdd): string {
  return `table "${name}" has no primary key and gets the column ${column} as one; reads and writes of it wait while its rows are rewritten: ${statements.join('; ')}`
}
