// What must hold at the source while ingest runs, looked at every few seconds. PostgreSQL says nothing when a table
// leaves a publication: its rows are silently missing from the stream.

import type { SourceConnection } from '../postgres/source-connection.ts'
import { installSql, markInstalledSql, publication } from './install-sql.ts'
import type { Queries } from './serial-queries.ts'
import { watchTables } from './watch.ts'

const lostTablesSql = `SELECT w.relid::text, format('%I.%I', n.nspname, c.relname)
FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  WHERE p.pubname = '${publication}' AND r.prrelid = w.relid)`

export interface Health {
  readonly lostRelids: readonly number[]
  /** Undefined: all is well. */
  readonly gap: string | undefined
}

export async function checkHealth(control: Queries): Promise<Health> {
  const lost = await control.query(lostTablesSql)
  if (lost.length === 0) return { lostRelids: [], gap: undefined }
  const names = lost.map(([, name]) => name).join(', ')
  return {
    lostRelids: lost.map(([relid]) => Number(relid)),
    gap: `publication "${publication}" was dropped or lost ${names}: changes were not published until now`,
  }
}

/** Puts the tables back. Changes before it are lost, and the caller has said so in the log. */
export async function restorePublication(control: Queries, source: SourceConnection, relids: readonly number[]): Promise<void> {
  await control.query(installSql)
  await control.query(markInstalledSql)
  await watchTables(source, relids.map((relid) => ({ relid })))
}
