// Looks at the tables that a script is to prepare, with the rights that everybody has. A table that would make the application's
// writes fail is refused here already; the script itself refuses it again.

import { partsOf } from '../../core/partitions-of.ts'
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
  for (const [part, identity, outOfLine, hasKey, problem] of await connection.query(partsSql(relid))) {
    if (problem != null)
      throw unusable({ name: part ?? '', hasKey: hasKey === 't', isNothing: identity === 'n' }, problem)
    const of = part === shown ? '' : `(its partition ${part}) `
    if (identity === 'f' && hasKey !== 't')
      what.push(`${of}has REPLICA IDENTITY FULL and no primary key: no changefeed can start on it before it has one`)
    if (identity === 'f') continue
    if (isFull) what.push(`${of}gets REPLICA IDENTITY FULL, because a changefeed wants its rows as they were (diff)`)
    else if (outOfLine === 't')
      what.push(`${of}gets REPLICA IDENTITY FULL, because its values may be stored out of line (TOAST)`)
  }
  return { name: shown, what }
}

const partsSql = (
  relid: string,
): string => `SELECT format('%I.%I', n.nspname, c.relname), c.relreplident, c.reltoastrelid <> 0,
    EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary),
    CASE WHEN c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
        AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END) THEN NULL
      WHEN c.relreplident = 'n' THEN 'it has REPLICA IDENTITY NOTHING'
      WHEN c.relreplident = 'i' THEN 'the index of its replica identity is gone or cannot be used'
      WHEN EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary) THEN 'its primary key is deferrable or not valid'
      ELSE 'it has no primary key' END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.oid IN (${partsOf(`${relid}::oid`)}) ORDER BY c.oid`

interface Unusable {
  readonly name: string
  readonly hasKey: boolean
  /** It has REPLICA IDENTITY NOTHING. */
  readonly isNothing: boolean
}

/** The ways out are those of check-tables.sql. */
function unusable({ name, hasKey, isNothing }: Unusable, problem: string): FeedError {
  const index = `ALTER TABLE ${name} REPLICA IDENTITY USING INDEX ... (a unique index, not partial, not deferrable, of columns that are NOT NULL)`
  const hint = hasKey
    ? `${isNothing ? `ALTER TABLE ${name} REPLICA IDENTITY DEFAULT; or ` : ''}${index}; or ALTER TABLE ${name} REPLICA IDENTITY FULL (each UPDATE and DELETE then writes the whole old row into the write-ahead log)`
    : `ALTER TABLE ${name} ADD PRIMARY KEY (...); or ${index}. REPLICA IDENTITY FULL is not enough: no changefeed can start on a table that has no key`
  return new FeedError(
    'FEED_TARGET',
    `table ${name} must not be published: UPDATE and DELETE of your application would fail, because ${problem}`,
    { hint },
  )
}
