// Resolves the targets of a statement with one query of PostgreSQL's catalogue.
//
// A name of two parts is `schema.table` in the session's database or else, as in CockroachDB, `database.table`. The query
// runs on the session's own backend for the session's database, so that search_path, temporary tables, the open transaction
// and the privileges of the role all count. Other databases are asked only if a target names them.

import { quoteString, shownName } from '../core/quote.ts'
import type { Target } from '../sql/ast.ts'
import type { CatalogueQuery } from '../sql/dialect/table-facts.ts'
import { keylessFactsSql, type KeylessFacts } from '../sql/dialect/rowid-key.ts'
import { tableLike, tableNear, type Likeness, type TableName } from './table-like.ts'
import { partitionsSql, usableIndexSql, type PartitionFacts } from './table-parts.ts'
import { roleRightsSql, type RoleRights } from './role-rights.ts'

export interface ColumnFacts {
  readonly name: string
  /** The type as format_type() prints it, without length. */
  readonly type: string
  /** The same with length, precision and so on; of a domain that of its base type. */
  readonly fullType: string
  /** pg_attribute.attgenerated: '', 's'(tored) or 'v'(irtual). */
  readonly generated: string
}

export interface TargetFacts extends RoleRights {
  readonly tag: 'table'
  readonly database: string
  readonly schema: string
  readonly name: string
  readonly relid: number
  /** pg_class.relkind: r p v m S f i I c t. */
  readonly kind: string
  /** pg_class.relpersistence: p(ermanent) u(nlogged) t(emporary). */
  readonly persistence: string
  /** pg_class.relreplident: d n f i. */
  readonly identity: 'd' | 'n' | 'f' | 'i'
  /** The columns of the primary key or, without one, of the index that is the replica identity. */
  readonly primaryKey: readonly string[]
  /** The table has no primary key, and the index of its replica identity gives the key. */
  readonly keyIsIdentity: boolean
  /** A unique index that could be the replica identity of a table without a key; null: there is none. */
  readonly usableIndex: string | null
  /** What a key for the table depends on; null: it is no ordinary table, or it has a primary key. */
  readonly keyless: KeylessFacts | null
  /** The primary key is deferrable, so it cannot be the replica identity. */
  readonly deferrableKey: boolean
  /** Values of the table may be stored out of line, and then the WAL of an UPDATE does not have those that did not change. */
  readonly outOfLine: boolean
  readonly columns: readonly ColumnFacts[]
  /** Stored generated columns are published, from PostgreSQL 18 on. */
  readonly publishesGenerated: boolean
  /** The database is in SQL_ASCII. */
  readonly takesAnyBytes: boolean
  /** PostgreSQL keeps the times of commits (track_commit_timestamp). */
  readonly tracksCommits: boolean
  /** Tables inherit from it that are no partitions. */
  readonly isInherited: boolean
  /** The partitions of a partitioned table, at every level; null: it is none. */
  readonly partitions: readonly PartitionFacts[] | null
}

export type ResolvedTarget = TargetFacts | NoTable | { readonly tag: 'no-database'; readonly database: string }

export interface NoTable extends Likeness {
  readonly tag: 'no-table'
  /** The database that was searched for it last. */
  readonly database?: string
  /** The session is connected to that database. */
  readonly isHere?: boolean
}

export interface Catalogue {
  /** One for each target, in the order of the statement. */
  readonly targets: readonly ResolvedTarget[]
  /** The session's transaction has written, so the start of a changefeed would wait for its end forever. */
  readonly openWrites: boolean
}

type Wanted = TableName

/** The JSON that the query returns. */
export interface Answer {
  readonly writes: boolean
  readonly databases: readonly string[]
  readonly found: readonly (TargetFacts | null)[]
}

/** A catalogue that can be asked, and for whom. */
export interface CatalogueAccess {
  readonly query: CatalogueQuery
  /** The role whose rights count; undefined: that of the session that `query` runs in. */
  readonly role?: string
}

export async function resolveTargets(
  targets: readonly Target[],
  sessionDatabase: string,
  queryIn: (database: string) => CatalogueAccess,
): Promise<Catalogue> {
  const here = targets.flatMap((target) => candidatesHere(target.parts, sessionDatabase))
  const databases = targets.flatMap(({ parts }) => (parts.length > 1 ? [parts[0] as string] : []))
  const local = await ask(queryIn(sessionDatabase), here, databases)

  const resolved: ResolvedTarget[] = []
  let next = 0
  for (const { parts } of targets) {
    const count = candidatesHere(parts, sessionDatabase).length
    const found = local.found.slice(next, next + count).find((facts) => facts !== null)
    next += count
    const target = found ?? (await resolveElsewhere(parts, sessionDatabase, local.databases, queryIn))
    resolved.push(target.tag === 'no-table' ? await withLikeness(target, parts, sessionDatabase, queryIn) : target)
  }
  return { targets: resolved, openWrites: local.writes }
}

async function withLikeness(
  target: NoTable,
  parts: readonly string[],
  here: string,
  queryIn: (database: string) => CatalogueAccess,
): Promise<NoTable> {
  const { database = here } = target
  const name = parts.at(-1) ?? ''
  const schema =
    parts.length === 1 ? null : parts.length === 2 && parts[0] === database ? 'public' : (parts.at(-2) ?? null)
  const like = await tableLike(queryIn(here).query, name)
  const found = like === undefined ? await tableNear(queryIn(database).query, { schema, name }) : undefined
  const isHere = database === here
  const near = found === undefined || isHere ? found : `${shownName(database)}.${found}`
  return { ...target, database, isHere, like, near }
}

function candidatesHere(parts: readonly string[], database: string): readonly Wanted[] {
  const [first, second, third] = parts
  if (first === undefined) return []
  if (second === undefined) return [{ schema: null, name: first }]
  if (third !== undefined) return first === database ? [{ schema: second, name: third }] : []
  const bySchema = { schema: first, name: second }
  return first === database ? [bySchema, { schema: 'public', name: second }] : [bySchema]
}

async function resolveElsewhere(
  parts: readonly string[],
  here: string,
  databases: readonly string[],
  queryIn: (database: string) => CatalogueAccess,
): Promise<ResolvedTarget> {
  const [database, second, third] = parts
  if (database === undefined || second === undefined || database === here) return { tag: 'no-table' }
  if (!databases.includes(database)) return third === undefined ? { tag: 'no-table' } : { tag: 'no-database', database }
  const wanted = third === undefined ? { schema: 'public', name: second } : { schema: second, name: third }
  const answer = await ask(queryIn(database), [wanted], [])
  return answer.found[0] ?? { tag: 'no-table', database }
}

async function ask(
  { query, role }: CatalogueAccess,
  wanted: readonly Wanted[],
  databases: readonly string[],
): Promise<Answer> {
  const rows = await query(catalogueSql(wanted, databases, role))
  const text = rows[0]?.[0]
  if (typeof text !== 'string') throw new TypeError('the catalogue query gave no row')
  return JSON.parse(text) as Answer
}

/**
 * The names are in JSON literals, so that the query needs no parameters. The search_path is that of the session, because it
 * says which table a name means. So every operator, function and type is written with its schema: otherwise a user could
 * define an operator that forges the answer, and the server acts on the answer with its own rights.
 */
export function catalogueSql(wanted: readonly Wanted[], databases: readonly string[], role?: string): string {
  const oid =
    role === undefined
      ? undefined
      : `(SELECT oid FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) ${quoteString(role)})`
  const rights = roleRightsSql(oid)
  return `SELECT pg_catalog.json_build_object(
  'writes', pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL,
  'databases', (
    SELECT coalesce(pg_catalog.json_agg(d.datname), '[]')
    FROM pg_catalog.pg_database d
    WHERE d.datallowconn AND d.datname OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT pg_catalog.json_array_elements_text(${jsonLiteral(databases)})))
  ),
  'found', (
    SELECT coalesce(pg_catalog.json_agg(found.facts ORDER BY wanted.ordinal), '[]')
    FROM ROWS FROM (
      pg_catalog.json_to_recordset(${jsonLiteral(wanted)}) AS (schema pg_catalog.text, name pg_catalog.text)
    ) WITH ORDINALITY AS wanted (schema, name, ordinal)
    LEFT JOIN LATERAL (
      SELECT pg_catalog.json_build_object(
        'tag', 'table',
        'database', pg_catalog.current_database(),
        'schema', n.nspname,
        'name', c.relname,
        'relid', c.oid::pg_catalog.int8,
        'kind', c.relkind,
        'persistence', c.relpersistence,
        'identity', c.relreplident,
        'primaryKey', coalesce(key.columns, '[]'),
        'keyless', CASE WHEN key.columns IS NULL AND c.relkind OPERATOR(pg_catalog.=) 'r' THEN ${keylessFactsSql(oid)} END,
        'keyIsIdentity', coalesce(NOT key.is_primary, false),
        'usableIndex', CASE WHEN key.columns IS NULL THEN (${usableIndexSql}) END,
        'takesAnyBytes', pg_catalog.current_setting('server_encoding') OPERATOR(pg_catalog.=) 'SQL_ASCII',
        'tracksCommits', pg_catalog.current_setting('track_commit_timestamp') OPERATOR(pg_catalog.=) 'on',
        'publishesGenerated', pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 180000,
        'isInherited', c.relkind OPERATOR(pg_catalog.=) 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent OPERATOR(pg_catalog.=) c.oid),
        'partitions', CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'p' THEN (${partitionsSql}) END,
        'deferrableKey', coalesce(NOT key.immediate, false),
        'outOfLine', c.reltoastrelid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid,
        'columns', coalesce(live.columns, '[]'),
        ${Object.entries(rights)
          .map(([name, expression]) => `'${name}', ${expression}`)
          .join(', ')}
      ) AS facts
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
      LEFT JOIN LATERAL (
        SELECT i.indimmediate AS immediate, i.indisprimary AS is_primary, (
          SELECT pg_catalog.json_agg(a.attname ORDER BY k.place)
          FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.=) k.attnum
          WHERE k.place OPERATOR(pg_catalog.<=) i.indnkeyatts
        ) AS columns
        FROM pg_catalog.pg_index i
        WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid
          AND (i.indisprimary OR c.relreplident OPERATOR(pg_catalog.=) 'i' AND i.indisreplident)
        ORDER BY i.indisprimary DESC LIMIT 1
      ) key ON true
      LEFT JOIN LATERAL (
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
          'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, NULL),
          'fullType', (
            WITH RECURSIVE base (type, modifier, depth) AS (
              SELECT a.atttypid, a.atttypmod, 0
              UNION ALL
              SELECT t.typbasetype, t.typtypmod, base.depth OPERATOR(pg_catalog.+) 1
              FROM base JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) base.type
              WHERE t.typtype OPERATOR(pg_catalog.=) 'd'
            )
            SELECT pg_catalog.format_type(base.type, base.modifier) FROM base ORDER BY base.depth DESC LIMIT 1
          ), 'generated', a.attgenerated
        ) ORDER BY a.attnum) AS columns
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
      ) live ON true
      WHERE c.relname OPERATOR(pg_catalog.=) wanted.name
        AND CASE WHEN wanted.schema IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname OPERATOR(pg_catalog.=) wanted.schema END
    ) found ON true
  )
)::pg_catalog.text`
}

function jsonLiteral(value: unknown): string {
  return `${quoteString(JSON.stringify(value))}::pg_catalog.json`
}
