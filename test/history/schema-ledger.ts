// What a table looked like after a DDL, and what each of its rows then held: the transaction of the DDL writes both into a
// table of its own, behind the lock that the DDL has taken. So the reference history learns from the WAL, in commit order,
// which columns the rows of each moment have, and what became of rows that the DDL changed without a word in the WAL.

import { canonicalText, isObject, parseJson, type JsonValue } from './json-text.ts'
import type { DecodedChange } from './test-decoding.ts'

export const ledgerTable = 'schema_ledger'
export const createLedger = `CREATE TABLE ${ledgerTable} (n bigserial PRIMARY KEY, tbl text, reach text, shape text, content text)`

/**
 * What a DDL is to a changefeed, as whoever ran it says: `none` (a rename, an enum value), `columns` (an ADD COLUMN that gives
 * the rows no value: only `schema_change_events = 'column_changes'` speaks of it), `rows` (always a schema change), or `maybe`
 * (DDL of one transaction of which nothing may be left).
 */
export type Reach = 'none' | 'columns' | 'maybe' | 'rows'

export interface SchemaNote {
  readonly table: string
  readonly reach: Reach
  /** Name to type, in the order of attributes, without virtual generated columns. */
  readonly columns: ReadonlyMap<string, string>
  /** The log has the old values of every change. */
  readonly isFull: boolean
  readonly rows: readonly ReadonlyMap<string, string>[]
}

/** To be run behind each DDL, in its transaction. */
export function noteSchema(table: string, reach: Reach): string {
  const shape = `SELECT json_build_object('isFull', relreplident = 'f', 'columns', (
      SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod)) ORDER BY attnum)
      FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated <> 'v'
    )) FROM pg_class WHERE oid = '${table}'::regclass`
  const content = `SELECT coalesce(json_agg(t), '[]') FROM ${table} t`
  return `INSERT INTO ${ledgerTable} (tbl, reach, shape, content) VALUES ('${table}', '${reach}', (${shape}), (${content}))`
}

/** `change`: an insert into the ledger, as test_decoding prints it. */
export function readSchemaNote({ after }: DecodedChange): SchemaNote {
  const text = (name: string): string => after?.find((column) => column.name === name)?.text ?? ''
  const shape = JSON.parse(text('shape')) as { isFull: boolean; columns: [string, string][] }
  const columns = new Map(shape.columns)
  const content = parseJson(text('content')) as readonly JsonValue[]
  const rows = content.map((row) => {
    if (!isObject(row)) throw new Error('a row of the ledger is not an object')
    return new Map(Array.from(columns.keys(), (name) => [name, canonicalText(row.get(name) ?? null)]))
  })
  return { table: text('tbl'), reach: text('reach') as Reach, columns, isFull: shape.isFull, rows }
}

/** What several DDL of one transaction are together. */
export function furthest(a: Reach, b: Reach): Reach {
  const order: readonly Reach[] = ['none', 'columns', 'maybe', 'rows']
  return order.indexOf(a) >= order.indexOf(b) ? a : b
}

/** Whether a feed with these `schema_change_events` must, may or must not see a schema change. */
export function speaksOf(events: 'default' | 'column_changes', reach: Reach): 'yes' | 'no' | 'perhaps' {
  switch (reach) {
    case 'none':
      return 'no'
    case 'columns':
      return events === 'column_changes' ? 'yes' : 'no'
    case 'maybe':
      return 'perhaps'
    case 'rows':
      return 'yes'
  }
}
