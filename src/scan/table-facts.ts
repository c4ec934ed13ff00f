// Reads from the catalogue what a scan needs to know of its tables: their descriptions, files and sizes.

import { quoteName } from '../core/quote.ts'
import type { FeedTarget } from '../core/feed-spec.ts'
import type { TableDescription } from '../core/table.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { call } from '../source-schema/call.ts'
import { describeTables, type DescribedTable } from '../source-schema/prepared/describe-tables.ts'
import { sourceMode } from '../source-schema/source-mode.ts'

export type ScanTarget = Pick<FeedTarget, 'relid' | 'tableName'>

export interface ScanTable {
  readonly description: TableDescription
  /** Size in pages of 8 KiB, taken after the snapshot. */
  readonly pages: number
  /** The table's relfilenode; it changes whenever the table is rewritten. */
  readonly file: string
}

export interface TableFacts extends ScanTable {
  /** The same text as long as no DDL changes the table. */
  readonly fingerprint: string
  /** Nobody keeps the types of its columns from being changed while its rows are read: see type-check.ts. */
  readonly hasFreeTypes: boolean
}

/** `source` is what the connection is connected to. */
export async function readFacts(
  control: RawConnection,
  source: SourceConnection,
  targets: readonly ScanTarget[],
): Promise<Map<number, TableFacts>> {
  const relids = targets.map(({ relid }) => relid)
  const described = (await sourceMode(control, source)) === 'installed' ? installed : prepared
  const tables = await described(control, relids)
  const rows = await control.query(
    `SELECT oid::text, pg_relation_filenode(oid)::text, (pg_relation_size(oid) / current_setting('block_size')::int)::text FROM pg_class WHERE oid IN (${relids.join(', ')})`,
  )
  const facts = new Map<number, TableFacts>()
  for (const [oid, file, pages] of rows) {
    const table = tables.get(Number(oid))
    if (table === undefined) continue
    const { description, fingerprint, types } = table
    facts.set(Number(oid), {
      description,
      pages: Number(pages),
      file: file ?? '',
      fingerprint: `${file} ${fingerprint}`,
      hasFreeTypes: types.length > 0,
    })
  }
  for (const { relid, tableName } of targets) {
    if (!facts.has(relid)) throw new FeedError('FEED_DROPPED', `"${tableName}" was dropped`)
  }
  return facts
}

type Described = ReadonlyMap<number, DescribedTable>

/** Our functions describe the tables, and hold their types while rows are read. */
async function installed(control: RawConnection, relids: readonly number[]): Promise<Described> {
  const rows = await control.query(
    `SELECT oid::text, ${call('describe', { relation: { sql: 'oid' } })}::text FROM pg_class WHERE oid IN (${relids.join(', ')})`,
  )
  return new Map(
    rows.map(([oid, description]) => {
      const table = JSON.parse(description ?? '') as TableDescription
      return [Number(oid), { description: table, fingerprint: description ?? '', types: [] }]
    }),
  )
}

const prepared = describeTables

export function qualified({ schema, name }: TableDescription): string {
  return `${quoteName(schema)}.${quoteName(name)}`
}
