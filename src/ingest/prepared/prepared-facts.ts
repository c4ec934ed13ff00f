// Reads what a DBA has prepared in a source: the publication, the tables in it, and whether our role may read them. All of it is in
// the catalogue, which every role may read.
//
// The xmin of a row in the catalogue is the transaction that wrote it. So a publication or a membership that was altered and
// altered back is not taken for the one of before.

import { partsOf } from '../../core/partitions-of.ts'
import type { Queries } from '../../postgres/queries.ts'
import { publication } from '../../source-schema/names.ts'

export interface PublicationFacts {
  /** Another one after every change of the publication itself; tables may come and go. */
  readonly id: string
  readonly owner: string
  /** What it publishes of insert, update, delete, truncate. */
  readonly kinds: readonly string[]
  readonly viaRoot: boolean
  /** Stored generated columns are published; null: before PostgreSQL 18 no publication has them. */
  readonly generated: boolean | null
}

export interface MemberFacts {
  readonly relid: number
  /** Another one after the table has left the publication and come back. */
  readonly id: string
  /** `schema.table`, quoted where that is needed. */
  readonly name: string
  readonly schema: string
  readonly kind: string
  readonly isFiltered: boolean
  readonly hasColumnList: boolean
  readonly mayRead: boolean
  /** The same of each partition. */
  readonly mayReadParts: boolean
  readonly mayUseSchema: boolean
  /** Row-level security hides rows from our role. */
  readonly hidesRows: boolean
  /** The table and its partitions, at every level. */
  readonly relids: readonly number[]
  /** The table or its partitions, those that have rows. */
  readonly parts: readonly PartFacts[]
}

/** A table that has rows itself: the member, or a partition of it. */
export interface PartFacts {
  readonly relid: number
  readonly name: string
  /** pg_class.relreplident. */
  readonly identity: 'd' | 'n' | 'f' | 'i'
  /** The index that is the identity; 0: none that can be one. */
  readonly index: number
  readonly indexName: string | null
  /** An old row or key says which row was changed: the identity has all columns of the primary key. */
  readonly hasKey: boolean
  readonly hasPrimaryKey: boolean
  /** The primary key is checked at the end of a transaction, or is not valid, so that it cannot be the identity. */
  readonly isKeyUnfit: boolean
  /** Values may be stored out of line. Without REPLICA IDENTITY FULL the ones that an UPDATE does not change are not in the WAL. */
  readonly outOfLine: boolean
  readonly isUnlogged: boolean
  /** pg_attribute.attgenerated of its generated columns: s(tored), v(irtual). */
  readonly generated: string
}

export interface PreparedFacts {
  readonly publication: PublicationFacts | undefined
  readonly members: readonly MemberFacts[]
}

/** Without `relids` all tables of the publication, otherwise these tables if they are in it: themselves, or a table of which they are partitions. */
export async function readPrepared(connection: Queries, relids?: readonly number[]): Promise<PreparedFacts> {
  const [head] = await connection.query(publicationSql)
  if (head === undefined) return { publication: undefined, members: [] }
  const [version, text] = head
  const rows = await connection.query(membersSql(Number(version), relids))
  return {
    publication: JSON.parse(text ?? '') as PublicationFacts,
    members: rows.map(([json]) => JSON.parse(json ?? '') as MemberFacts),
  }
}

/** The same of tables that are not in the publication: what they would lack in it. */
export async function readUnpublished(connection: Queries, relids: readonly number[]): Promise<readonly MemberFacts[]> {
  const members = `SELECT w.relid, '' AS id, false AS filtered, false AS listed FROM unnest('{${relids.join(', ')}}'::oid[]) AS w (relid)`
  const rows = await connection.query(`WITH member AS (${members}) ${factsSql}`)
  return rows.map(([json]) => JSON.parse(json ?? '') as MemberFacts)
}

const publicationSql = `SELECT current_setting('server_version_num'), json_build_object(
    'id', format('%s:%s', p.oid, p.xmin), 'owner', pg_get_userbyid(pubowner), 'viaRoot', pubviaroot,
    'kinds', array_remove(ARRAY[CASE WHEN pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END, CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END], NULL),
    'generated', to_jsonb(p) ->> 'pubgencols' = 's')::text
  FROM pg_publication p WHERE pubname = '${publication}'`

/** Row filters, lists of columns, and schemas came with PostgreSQL 15. */
function membersSql(version: number, relids: readonly number[] | undefined): string {
  const wanted = relids === undefined ? undefined : `'{${relids.join(', ')}}'::oid[]`
  const published = `SELECT r.prrelid AS relid, format('%s:%s', r.oid, r.xmin) AS id, to_jsonb(r) ->> 'prqual' IS NOT NULL AS filtered, to_jsonb(r) ->> 'prattrs' IS NOT NULL AS listed
      FROM pg_publication_rel r JOIN p ON p.oid = r.prpubid
    UNION ALL SELECT c.oid, 'all tables', false, false FROM pg_class c, p WHERE p.puballtables AND ${isTable}${
      version < 150_000
        ? ''
        : `
    UNION ALL SELECT c.oid, format('%s:%s/%s', s.oid, s.xmin, ${schemaSince}), false, false FROM pg_publication_namespace s JOIN p ON p.oid = s.pnpubid JOIN pg_class c ON c.relnamespace = s.pnnspid WHERE ${isTable}`
    }`
  const members =
    wanted === undefined
      ? 'SELECT * FROM published'
      : `SELECT * FROM published WHERE relid = ANY (${wanted})
        UNION ALL SELECT DISTINCT ON (a.relid) a.relid, m.id, m.filtered, m.listed
          FROM (SELECT w.relid, pg_partition_ancestors(w.relid) AS ancestor FROM unnest(${wanted}) AS w (relid) JOIN pg_class c ON c.oid = w.relid AND c.relispartition) AS a
          JOIN published m ON m.relid = a.ancestor WHERE a.relid NOT IN (SELECT relid FROM published)`
  return `WITH p AS (SELECT oid, puballtables FROM pg_publication WHERE pubname = '${publication}'),
    published AS MATERIALIZED (SELECT relid, min(id) AS id, bool_and(filtered) AS filtered, bool_and(listed) AS listed FROM (${published}) AS u GROUP BY relid),
    member AS (${members})
  ${factsSql}`
}

/** The transaction that put the table into its schema: what records that is written anew when it leaves the schema and comes back. */
const schemaSince = `(SELECT string_agg(d.xmin::text, ',') FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.refclassid = 'pg_namespace'::regclass)`

const isTable = `c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' AND c.oid >= 16384`

/** The index that the WAL takes old keys from: the primary key, or the one that was named. */
const identityIndex = `(SELECT x.indexrelid FROM pg_index x WHERE x.indrelid = t.oid AND x.indisvalid AND x.indimmediate AND x.indisunique AND x.indpred IS NULL
  AND CASE t.relreplident WHEN 'd' THEN x.indisprimary WHEN 'i' THEN x.indisreplident END)`

const partSql = `json_build_object('relid', t.oid::bigint, 'name', format('%I.%I', tn.nspname, t.relname), 'identity', t.relreplident,
  'index', coalesce(${identityIndex}, 0)::bigint, 'indexName', (SELECT quote_ident(relname) FROM pg_class WHERE oid = ${identityIndex}),
  'hasKey', t.relreplident = 'f' OR coalesce((SELECT coalesce((SELECT (k.indkey::int2[])[0:k.indnkeyatts - 1] FROM pg_index k WHERE k.indrelid = t.oid AND k.indisprimary), '{}')
    <@ (x.indkey::int2[])[0:x.indnkeyatts - 1] FROM pg_index x WHERE x.indexrelid = ${identityIndex}), false),
  'hasPrimaryKey', EXISTS (SELECT FROM pg_index WHERE indrelid = t.oid AND indisprimary),
  'isKeyUnfit', EXISTS (SELECT FROM pg_index WHERE indrelid = t.oid AND indisprimary AND NOT (indimmediate AND indisvalid)),
  'outOfLine', t.reltoastrelid <> 0, 'isUnlogged', t.relpersistence = 'u',
  'generated', (SELECT coalesce(string_agg(DISTINCT attgenerated::text, '' ORDER BY attgenerated::text), '') FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped AND attgenerated <> ''))`

/** Of `member`, whose tables have columns relid, id, filtered and listed. */
const factsSql = `SELECT json_build_object('relid', m.relid::bigint, 'id', m.id, 'name', format('%I.%I', n.nspname, c.relname), 'schema', quote_ident(n.nspname), 'kind', c.relkind,
    'isFiltered', m.filtered, 'hasColumnList', m.listed,
    'mayRead', has_table_privilege(c.oid, 'SELECT'), 'mayReadParts', NOT EXISTS (SELECT FROM (${partsOf('c.oid')}) AS t WHERE NOT has_table_privilege(t.relid, 'SELECT')),
    'mayUseSchema', has_schema_privilege(n.oid, 'USAGE'), 'hidesRows', c.relrowsecurity AND row_security_active(c.oid),
    'relids', (SELECT json_agg(t.relid::bigint ORDER BY t.relid) FROM (${partsOf('c.oid')}) AS t),
    'parts', (SELECT coalesce(json_agg(${partSql} ORDER BY t.oid), '[]') FROM pg_class t JOIN pg_namespace tn ON tn.oid = t.relnamespace
      WHERE t.relkind = 'r' AND t.oid IN (${partsOf('c.oid')})))::text
  FROM member m JOIN pg_class c ON c.oid = m.relid JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY m.relid`
