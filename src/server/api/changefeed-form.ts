// What the form of a new changefeed needs: databases, tables, options and sinks; the check of a statement, which is EXPLAIN CHANGEFEED; and
// its run. A text that is anything but one CREATE CHANGEFEED … INTO is refused: the API runs no other SQL.

import { FeedError } from '../../errors/feed-error.ts'
import { options, type OptionFacts } from '../../plan/options.ts'
import type { MalformedPiece } from '../../pg-server/local-statement.ts'
import { sinks } from '../../sink/sinks.ts'
import { readSql } from '../../sql/sql.ts'
import type { CheckAnswer, CreatedAnswer, FormAnswer, TablesAnswer } from './answers.ts'
import { inSession, type ApiUser, type SessionPlace } from './sql-client.ts'

const mostTables = 2000

/** Without a database it is that of the session. */
export interface FormCall extends SessionPlace {
  readonly user: ApiUser
}

export function form(): FormAnswer {
  return {
    options: Object.entries<OptionFacts>(options)
      .filter(([, { built }]) => built !== false)
      .map(([name, { value, values = [], built, kind, isSecret, about }]) => ({
        name,
        kind,
        takesValue: value === 'none' ? 'no' : value === 'optional' ? 'optional' : 'yes',
        values: Array.isArray(built) ? built : values,
        isSecret: isSecret === true,
        about,
      })),
    sinks: sinks
      .filter(({ schemes, open }) => schemes.length > 0 && open !== undefined)
      .map(({ label, schemes, reference, options: own, withoutFormats = [] }) => ({
        label,
        schemes,
        example: reference?.uri?.examples[0] ?? null,
        options: own,
        withoutFormats,
      })),
    formats: options.format.built,
  }
}

/** `ours`: a database that is not for users. */
export async function tables(call: FormCall, ours: string | undefined): Promise<TablesAnswer> {
  return inSession(call.user, call, async (client) => {
    const databases = await client.query<{ datname: string }>(
      `SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate
       AND has_database_privilege(datname, 'CONNECT') ORDER BY datname`,
    )
    const found = await client.query<{ schema: string; name: string; may: boolean }>(
      `SELECT n.nspname AS schema, c.relname AS name,
         has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS may
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition
         AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'changefeed', 'changefeed_state', 'crdb_internal')
       ORDER BY 1, 2 LIMIT ${mostTables}`,
    )
    return {
      databases: databases.rows.map(({ datname }) => datname).filter((name) => name !== ours),
      tables: found.rows.map(({ schema, name, may }) => ({ schema, name, maySelect: may })),
    }
  })
}

/** Says what the statement would do and what is in its way. Nothing is changed, and the sink is not connected to. */
export async function check(call: FormCall, statement: string): Promise<CheckAnswer> {
  const begin = /^\s*create\b/i.exec(onlyCreate(statement))
  const explain = `EXPLAIN ${statement.slice(begin?.[0].length ?? 0).trimStart()}`
  const { rows } = await inSession(call.user, call, (client) => client.query<CheckAnswer['rows'][number]>(explain))
  return { rows }
}

/** `malformed` is called for a statement that does not parse, which the SQL port does not get to see. */
export async function create(
  call: FormCall,
  statement: string,
  malformed: (piece: MalformedPiece) => void,
): Promise<CreatedAnswer> {
  onlyCreate(statement, malformed)
  return inSession(call.user, call, async (client) => {
    const notices: string[] = []
    client.on('notice', ({ message }) => message !== undefined && notices.push(message))
    const { rows } = await client.query<{ job_id: string }>(statement)
    return { job: rows[0]?.job_id ?? '', notices }
  })
}

/** Returns the text, or throws if it is something else than one CREATE CHANGEFEED … INTO. */
function onlyCreate(text: string, malformed: (piece: MalformedPiece) => void = () => undefined): string {
  const pieces = readSql(text, { dialect: false, show: () => undefined }) ?? []
  const [piece] = pieces
  if (piece?.tag === 'error') {
    malformed(piece)
    throw piece.error
  }
  const statement = piece?.tag === 'ours' && pieces.length === 1 ? piece.statement : undefined
  if (statement?.tag === 'create-changefeed' && statement.sink !== undefined && /^\s*create\b/i.test(text)) return text
  throw new FeedError('FEED_SYNTAX', 'the API runs CREATE CHANGEFEED … INTO, one statement, and nothing else', {
    hint: 'run other statements at the SQL port',
  })
}
