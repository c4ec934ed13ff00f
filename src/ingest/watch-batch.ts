// Takes a few tables under watch in one transaction: locked, changed as they must be, published, and described.

import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { call } from '../source-schema/call.ts'
import { publication } from '../source-schema/names.ts'
import { beginSql, lockSql } from './lock-tables.ts'

export interface TableToWatch {
  readonly relid: number
  /** It is a leaf of this partitioned table, and wanted only for its sake. */
  readonly leafOf?: number | undefined
  /**
   * Statements to run first, under the lock of the table, for example ALTER TABLE … REPLICA IDENTITY FULL. They are not run
   * if the table is watched already with the identity that it needs.
   */
  readonly statements?: readonly string[] | undefined
}

export interface BatchOptions {
  /** Waits a short while for a lock that is not free. */
  readonly isWaiting: boolean
  /** The log already says that changes of these tables are missing. */
  readonly isLossReported: boolean
}

/** Returns true if changes of watched tables were not published until now, and the log does not say so yet. */
export async function watchBatch(
  connection: RawConnection,
  tables: readonly TableToWatch[],
  { isWaiting, isLossReported }: BatchOptions,
): Promise<boolean> {
  await connection.query(beginSql)
  const relations = tables.map(({ relid }) => relid)
  const relids = relations.join(', ')
  const names = await namesOf(connection, tables)
  const named = (some: readonly TableToWatch[]): string[] => some.map(({ relid }) => names.get(relid) as string)
  const changed = tables.filter(({ statements }) => statements !== undefined && statements.length > 0)
  const others = tables.filter((table) => !changed.includes(table))
  // The strongest lock that is needed is taken at once: two transactions that hold the weaker one would wait for each other.
  await connection.query(
    `${lockSql(named(changed), 'ACCESS EXCLUSIVE', isWaiting)}${lockSql(named(others), 'SHARE ROW EXCLUSIVE', isWaiting)}`,
  )
  const locked = await namesOf(connection, tables)
  for (const [relid, name] of names) {
    if (locked.get(relid) === name) continue
    throw new FeedError('FEED_STATE', `table ${name} was renamed while it was being locked`, { sqlstate: '55P03' })
  }
  const identities =
    changed.length === 0 ? [] : await connection.query(identitiesSql(changed.map(({ relid }) => relid)))
  for (const { statements } of changed) await connection.query((statements ?? []).join('; '))
  if (changed.length > 0) await refuseHindered(connection, changed)
  const isUnpublished = await mend(connection, relations, isLossReported)
  // Asked before the tables are described below, by which their changes seem to begin now.
  const missed = await connection.query(missedSql(relations))
  const isLoss = isUnpublished || missed.length > 0

  const state = await connection.query(
    `SELECT t.relid::text, t.relid IN (SELECT ${call('published_among', { relations })}), EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}' AND r.prrelid = t.relid) FROM unnest('{${relids}}'::oid[]) AS t (relid)`,
  )
  const leaves = new Set(tables.flatMap(({ relid, leafOf }) => (leafOf === undefined ? [] : [relid])))
  // A partition that changefeeds want for itself must stay published when it is detached.
  const unpublished = state.filter(
    ([relid, isPublished, isMember]) => isPublished !== 't' || (isMember !== 't' && !leaves.has(Number(relid))),
  )
  // A member that is not published whole has a row filter or a column list.
  const members = unpublished.filter(([, , isMember]) => isMember === 't')
  await alterPublication(connection, 'DROP', listOf(members, names))
  await alterPublication(connection, 'ADD', listOf(unpublished, names))
  await connection.query(
    `SELECT ${call('register', { relation: { sql: 'relid' } })} FROM unnest('{${relids}}'::oid[]) AS t (relid); UPDATE changefeed.watched SET needed_at = clock_timestamp() WHERE relid IN (${relids})`,
  )
  if (identities.length > 0) await connection.query(`${rememberSql(identities)}; ${describeAgainSql(relids)}`)
  await connection.query('COMMIT')
  return isLoss
}

/** Refuses a table whose writes by the application would fail because of what the changefeed needs. */
async function refuseHindered(connection: RawConnection, changed: readonly TableToWatch[]): Promise<void> {
  const [hindered] = await connection.query(
    `SELECT t.relid::regclass::text, quote_ident(t.name) FROM (SELECT c.oid AS relid, ${call('hindrance', { relation: { sql: 'c.oid' } })} AS name FROM pg_class c WHERE c.oid IN (${changed.map(({ relid }) => relid).join(', ')}) AND c.relreplident = 'f') AS t WHERE t.name IS NOT NULL`,
  )
  if (hindered === undefined) return
  const [table, name] = hindered
  throw new FeedError(
    'FEED_TARGET',
    `table ${table} cannot be watched: it needs REPLICA IDENTITY FULL, and publication ${name} has a list of its columns or leaves its generated columns out`,
    {
      detail: 'PostgreSQL would refuse every UPDATE and DELETE of the table.',
      hint: `publish all of its columns (ALTER PUBLICATION ${name} SET (publish_generated_columns = stored)), or take the table out of the publication`,
    },
  )
}

/** The quoted names of tables. Throws if one does not exist. */
export async function namesOf(
  connection: RawConnection,
  tables: readonly { readonly relid: number }[],
): Promise<ReadonlyMap<number, string>> {
  const rows = await connection.query(
    `SELECT c.oid::text, format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid IN (${tables.map(({ relid }) => relid).join(', ')})`,
  )
  const names = new Map(rows.map(([oid, name]) => [Number(oid), name ?? '']))
  for (const { relid } of tables) {
    if (!names.has(relid)) throw new FeedError('FEED_NO_TABLE', `the table with oid ${relid} does not exist any more`)
  }
  return names
}

/**
 * Repairs the publication, and records in the source that changes were lost: if we repaired it silently, feeds on these
 * tables would never learn of that.
 */
export async function mend(
  connection: RawConnection,
  relations: readonly number[],
  isLossReported: boolean,
): Promise<boolean> {
  const unpublished = `relid IN (${relations.join(', ')}) AND relid NOT IN (SELECT ${call('published_among', { relations })})`
  const [state] = await connection.query(
    `SELECT ${call('publishes_all', {})} AND NOT EXISTS (SELECT FROM changefeed.watched WHERE ${unpublished})`,
  )
  if (state?.[0] === 't') return false
  const lost = isLossReported ? [] : await connection.query(lostSql)
  // A table that was watched and not published has lost changes, so it counts as watched only from now on.
  await connection.query(
    `UPDATE changefeed.watched SET since_xid = pg_current_xact_id(), since = clock_timestamp() WHERE ${unpublished}; SELECT ${call('mend', {})}`,
  )
  return lost.length > 0
}

/** `reason` contains %s where the names of the tables belong. */
const distrustSql = (reason: string, rows: string): string =>
  `SELECT ${call('distrust', { reason: { sql: `format('${reason}', string_agg(name, ', '))` } })} FROM ${rows} HAVING count(*) > 0`

const missedSql = (relations: readonly number[]): string =>
  distrustSql(
    'DDL changed %s and our event triggers did not see it (event_triggers was off): changes since then may have been read wrongly',
    call('missed', { relations }),
  )

const lostSql = distrustSql(
  `publication "${publication}" was altered and lost %s: their changes were not published until now`,
  call('lost', {}),
)

function listOf(rows: readonly (readonly (string | null)[])[], names: ReadonlyMap<number, string>): string[] {
  return rows.map(([relid]) => names.get(Number(relid)) as string)
}

async function alterPublication(
  connection: RawConnection,
  verb: 'ADD' | 'DROP',
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return
  await connection.query(
    `ALTER PUBLICATION ${publication} ${verb} TABLE ${names.map((name) => `ONLY ${name}`).join(', ')}`,
  )
}

export const identitiesSql = (relids: readonly number[]): string =>
  `SELECT c.oid::text, c.relreplident, coalesce((SELECT indexrelid FROM pg_index WHERE indrelid = c.oid AND indisreplident), 0)::text FROM pg_class c WHERE c.oid IN (${relids.join(', ')})`

/** Remembers the replica identities of before, which the tables get again when no changefeed needs them any more. */
export function rememberSql(identities: readonly (readonly (string | null)[])[]): string {
  const values = identities.map(([relid, identity, index]) => `(${relid}::oid, '${identity}'::"char", ${index}::oid)`)
  return `UPDATE changefeed.watched w SET was_identity = before.identity, was_index = before.index, key_index = CASE before.identity WHEN 'i' THEN before.index ELSE key_index END
    FROM (VALUES ${values.join(', ')}) AS before (relid, identity, index), pg_class c
    WHERE w.relid = before.relid AND c.oid = w.relid AND c.relreplident <> before.identity`
}

/** An index that was the replica identity may give the key. */
export const describeAgainSql = (relids: string): string => {
  const described = call('describe', { relation: { sql: 'relid' } })
  return `UPDATE changefeed.watched SET description = ${described} WHERE relid IN (${relids}) AND description <> ${described}`
}
