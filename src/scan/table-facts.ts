// Reads from the catalogue what a scan needs to know of its tables: their descriptions, files and sizes.

import { quoteName } from '../core/quote.ts'
import type { FeedTarget } from '../core/feed-spec.ts'
import type { TableDescription } from '../core/table.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { call } from '../source-schema/call.ts'

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
}

export async function readFacts(
  control: RawConnection,
  targets: readonly ScanTarget[],
): Promise<Map<number, TableFacts>> {
  const relids = targets.map(({ relid }) => relid)
  const rows = await control.query(
    `SELECT oid::text, ${call('describe', { relation: { sql: 'oid' } })}::text, pg_relation_filenode(oid)::text, (pg_relation_size(oid) / current_setting('block_size')::int)::text FROM pg_class WHERE oid IN (${relids.join(', ')})`,
  )
  const facts = new Map<number, TableFacts>()
  for (const [oid, description, file, pages] of rows) {
    facts.set(Number(oid), {
      description: JSON.parse(description ?? '') as TableDescription,
      pages: Number(pages),
      file: file ?? '',
      fingerprint: `${file} ${description}`,
    })
  }
  for (const { relid, tableName } of targets) {
    if (!facts.has(relid)) throw new FeedError('FEED_DROPPED', `"${tableName}" was dropped`)
  }
  return facts
}

export function qualified({ schema, name }: TableDescription): string {
  return `${quoteName(schema)}.${quoteName(name)}`
}
