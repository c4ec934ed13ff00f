// One reading of the catalogue, at a barrier. It proves how rows are to be read whose position lies before `from`: a schema change
// that was committed before such a row is seen by the reading, unless its transaction was not visible yet. Locks are released
// only after a transaction is visible, so the locks that were held just before say whose changes may have been missed.
//
// Everybody has the rights for this. The three statements run in this order, each with a snapshot of its own.

import { describe, type SeenTable } from '../../source-schema/prepared/describe-tables.ts'
import { attachedBySql, factsOf, factsSql } from '../../source-schema/prepared/catalogue-facts.ts'
import { publication } from '../../source-schema/names.ts'
import type { RepeatedStatements } from './repeated-statements.ts'

export interface Reading {
  /** What the WAL held when the reading began, and when it had ended. Positions are numbers here: exact up to 2^53. */
  readonly from: number
  readonly to: number
  /** Every transaction with a lower id had ended, and was visible if it has committed. */
  readonly horizon: number
  readonly asked: readonly number[]
  /** Those of the asked tables that exist. */
  readonly tables: ReadonlyMap<number, SeenTable>
  /** The relations that were locked against everybody else, and the transactions that had done so. */
  readonly locked: ReadonlyMap<number, ReadonlySet<number>>
  /** Of the asked tables and of those above them: whether they are in the publication themselves. */
  readonly members: ReadonlyMap<number, boolean>
  /** The tables whose membership an open transaction may have changed, whose commit may be in the WAL already; 0: all of them. */
  readonly altering: ReadonlySet<number>
}

/** On a standby, what was replayed is visible. */
const positionSql = `SELECT 'position', (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END - '0/0')::text, NULL`

const locksSql = `SELECT 'lock', l.relation::text, coalesce(string_agg(x.transactionid::text, ','), '')
FROM pg_locks l LEFT JOIN pg_locks x ON x.virtualtransaction = l.virtualtransaction AND x.locktype = 'transactionid' AND x.granted AND x.mode = 'ExclusiveLock'
WHERE l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.granted AND l.mode = 'AccessExclusiveLock'
GROUP BY 1, 2`

/** Who adds a table to the publication or takes it out has locked both; who does that with the tables of a schema has locked only the schema. */
const alteringSql = `SELECT 'altering', coalesce(r.relation, 0)::text, NULL
FROM pg_locks p LEFT JOIN pg_locks r ON r.virtualtransaction = p.virtualtransaction AND r.granted
  AND (r.locktype = 'relation' AND r.mode = 'ShareUpdateExclusiveLock' OR r.locktype = 'object' AND r.classid = 'pg_namespace'::regclass)
WHERE p.locktype = 'object' AND p.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND p.granted AND p.mode = 'AccessExclusiveLock'
  AND p.classid = 'pg_publication'::regclass AND p.objid = (SELECT oid FROM pg_publication WHERE pubname = '${publication}')`

const horizonSql = `SELECT 'horizon', (pg_snapshot_xmin(pg_current_snapshot())::text::numeric % 4294967296)::text, NULL`

/** `version`: server_version_num. `types`: composite types that are read even if no column has them any more. */
export async function takeReading(
  repeated: RepeatedStatements,
  { version, asked, types }: { version: number; asked: readonly number[]; types: readonly number[] },
): Promise<Reading> {
  const statements = asked.length === 0 ? [] : [alteringSql, areMembersSql(version, asked), factsSql(asked, types)]
  const rows = await repeated.query([positionSql, locksSql, horizonSql, ...statements, positionSql])
  const positions = rows.filter(([kind]) => kind === 'position').map(([, at]) => Number(at))
  const locked = new Map<number, Set<number>>()
  for (const [kind, relation, xids] of rows)
    if (kind === 'lock') locked.set(Number(relation), new Set(xids === '' ? [] : xids?.split(',').map(Number)))
  const tables = describe(factsOf(rows.filter(([kind]) => kind === 'table' || kind === 'type')))
  const horizon = Number(rows.find(([kind]) => kind === 'horizon')?.[1])
  const altering = new Set(rows.filter(([kind]) => kind === 'altering').map(([, relid]) => Number(relid)))
  const members = new Map<number, boolean>()
  for (const [kind, relid, isMember] of rows) if (kind === 'member') members.set(Number(relid), isMember === 'true')
  for (const [relid, table] of tables)
    if (members.get(relid) === true)
      tables.set(relid, { ...table, isMember: true, fingerprint: `${table.fingerprint};member` })
  return { from: positions[0] ?? 0, to: positions[1] ?? 0, horizon, asked, tables, locked, members, altering }
}

/** Whether somebody had locked the table, or a type that its rows may have. */
export function isLocked({ locked, tables }: Reading, relid: number): boolean {
  if (locked.size === 0) return false
  const types = tables.get(relid)?.typeFacts.values() ?? []
  return locked.has(relid) || [...types].some(({ relation }) => locked.has(relation))
}

/** Publications of schemas came with PostgreSQL 15. pg_get_publication_tables() would wait for locks on the tables. */
const membersSql = (
  version: number,
): string => `SELECT r.prrelid AS relid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}'
  UNION SELECT c.oid FROM pg_class c, pg_publication p WHERE p.puballtables AND p.pubname = '${publication}' AND ${isTable}${
    version < 150_000
      ? ''
      : `
  UNION SELECT c.oid FROM pg_publication_namespace s JOIN pg_publication p ON p.oid = s.pnpubid JOIN pg_class c ON c.relnamespace = s.pnnspid
    WHERE p.pubname = '${publication}' AND ${isTable}`
  }`

const areMembersSql = (
  version: number,
  asked: readonly number[],
): string => `WITH RECURSIVE up (relid) AS (SELECT unnest('{${asked.join(',')}}'::oid[]) UNION SELECT inhparent FROM up JOIN pg_inherits ON inhrelid = up.relid)
SELECT 'member', up.relid::text, (up.relid IN (${membersSql(version)}))::text FROM up`

const isTable = `c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384`

/**
 * The tables whose rows the publication publishes, and the partitioned tables that these are partitions of. What stands beside each
 * changes whenever its description may have changed, with the types made by users in the first row.
 */
export const signaturesSql = (version: number): string => `WITH RECURSIVE part (relid) AS (
  SELECT relid FROM (${membersSql(version)}) AS m
  UNION SELECT i.inhrelid FROM part JOIN pg_inherits i ON i.inhparent = part.relid JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relispartition
), wanted (relid) AS (
  SELECT relid FROM part UNION SELECT inhparent FROM wanted JOIN pg_inherits ON inhrelid = relid
)
SELECT '0', (SELECT count(*) || '.' || coalesce(sum(xmin::text::bigint), 0) FROM pg_type WHERE oid >= 16384) || '/'
  || (SELECT count(*) || '.' || coalesce(sum(a.xmin::text::bigint), 0) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relkind = 'c' AND a.attnum > 0)
UNION ALL
SELECT w.relid::text, concat_ws('/', n.nspname, c.relname, c.relreplident, c.relfilenode, a.written, k.xmin, k.oid, up.by, CASE WHEN w.relid IN (${membersSql(version)}) THEN 'member' END)
FROM wanted w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN (SELECT attrelid, count(*) || '.' || sum(xmin::text::bigint) AS written FROM pg_attribute WHERE attnum > 0 AND attrelid IN (SELECT relid FROM wanted) GROUP BY attrelid) AS a ON a.attrelid = c.oid
LEFT JOIN ${attachedBySql('SELECT relid FROM wanted')} AS up ON up.relid = c.oid
LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'`
