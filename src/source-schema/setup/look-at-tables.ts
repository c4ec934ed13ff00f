// Looks at the tables that a script is to prepare, with the rights that everybody has. A table that would make the application's
// writes fail is refused here already; the script itself refuses it again.

import { quoteString } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Queries } from '../../postgres/queries.ts'

export interface TableName {
  readonly schema: string
  readonly name: string
}

export interface Seen {
  readonly name: string
  /** What the script will do to it, and why. */
  readonly what: readonly string[]
}

export interface Wanted extends TableName {
  readonly isFull: boolean
}

export async function lookAtTables(connection: Queries, tables: readonly Wanted[]): Promise<readonly Seen[]> {
  const seen: Seen[] = []
  for (const table of tables) seen.push(await look(connection, table))
  return seen
}

async function look(connection: Queries, { schema, name, isFull }: Wanted): Promise<Seen> {
  const [found] = await connection.query(
    `SELECT c.oid::text, format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ${quoteString(schema)} AND c.relname = ${quoteString(name)} AND c.relkind IN ('r', 'p')`,
  )
  const [relid, shown] = found ?? []
  if (relid == null || shown == null)
    throw new FeedError('FEED_NO_TABLE', `table "${schema}"."${name}" does not exist`, {
      hint: 'write names as SQL does: orders is in schema public and in lower case, sales."Order Items" is not',
    })
  const what: string[] = []
  for (const [part, identity, outOfLine, problem] of await connection.query(partsSql(relid))) {
    if (problem != null) throw unusable(part ?? '', problem)
    if (identity === 'f') continue
    const of = part === shown ? '' : `(its partition ${part}) `
    if (isFull) what.push(`${of}gets REPLICA IDENTITY FULL, because a changefeed wants its rows as they were (diff)`)
    else if (outOfLine === 't')
      what.push(`${of}gets REPLICA IDENTITY FULL, because its values may be stored out of line (TOAST)`)
  }
  return { name: shown, what }
}

const partsSql = (
  relid: string,
): string => `SELECT format('%I.%I', n.nspname, c.relname), c.relreplident, c.reltoastrelid <> 0,
    CASE WHEN c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
        AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END) THEN NULL
      WHEN c.relreplident = 'n' THEN 'it has REPLICA IDENTITY NOTHING'
      WHEN c.relreplident = 'i' THEN 'the index of its replica identity is gone or cannot be used'
      WHEN EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary) THEN 'its primary key is deferrable or not valid'
      ELSE 'it has no primary key' END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND (c.oid = ${relid} OR c.oid IN (SELECT relid FROM pg_partition_tree(${relid}) WHERE isleaf)) ORDER BY c.oid`

function unusable(name: string, problem: string): FeedError {
  return new FeedError(
    'FEED_TARGET',
    `table ${name} must not be published: UPDATE and DELETE of your application would fail, because ${problem}`,
    {
      hint: `ALTER TABLE ${name} ADD PRIMARY KEY (...); or ALTER TABLE ${name} REPLICA IDENTITY USING INDEX ... (unique, not partial, not deferrable, of columns that are NOT NULL); or ALTER TABLE ${name} REPLICA IDENTITY FULL (each UPDATE and DELETE then writes the whole old row into the write-ahead log)`,
    },
  )
}
