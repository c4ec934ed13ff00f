// Gives back tables that no changefeed needs: removes them from the publication, restores the replica identity that they had
// before we changed it, and stops watching them. Each batch is one transaction, so an interruption leaves a batch done or not
// done, and the next run continues.
//
// A changefeed that starts meanwhile must not find a table watched that is about to be given back. So a changefeed first
// registers its need, and then asks for the watched tables under a lock. This file takes the same lock, then asks which
// tables are needed, and holds the lock until the tables are given back.

import { setTimeout as delay } from 'node:timers/promises'
import { isLocked } from '../postgres/table-locks.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { publication } from '../source-schema/names.ts'
import { hasOurTablesSql } from '../source-schema/ownership.ts'
import { isPrepared, readySource } from '../source-schema/source-mode.ts'
import { beginSql, lockSql } from './lock-tables.ts'
import { watchingTable } from './already-watched.ts'

export interface GiveBackOptions {
  /** The tables to give back; undefined: those that were not needed for `keepMs`. */
  readonly relids?: readonly number[]
  readonly keepMs?: number
  /** The tables that changefeeds need now. */
  readonly needed: () => Promise<ReadonlySet<number>>
  /** How long to wait for a table that is locked. */
  readonly patienceMs?: number
}

export interface GivenBack {
  readonly given: number
  /** Tables that were locked by somebody else. */
  readonly busy: readonly number[]
  /** How many tables are still watched, or in a prepared database: how many are needed. */
  readonly left: number
  /** A DBA has prepared the database, so that tables are not ours to give back. */
  readonly isPrepared?: true
}

const batchTables = 32
const pauseMs = 100
/** The precision of the time at which a table was last needed. */
const mostInexactMs = 600_000

export async function giveBackTables(source: SourceConnection, options: GiveBackOptions): Promise<GivenBack> {
  const { relids, keepMs = 0, needed, patienceMs = 0 } = options
  await using connection = await openRawConnection({ source })
  if (await isPrepared(connection, source)) return { given: 0, isPrepared: true, busy: [], left: (await needed()).size }
  const [is] = await connection.query(`SELECT ${hasOurTablesSql}`)
  if (is?.[0] !== 't') return { given: 0, busy: [], left: 0 }
  await readySource(connection, source)
  const now = [...(await needed())].join(', ')
  // A transaction with DDL keeps the rows of its tables locked, and may want those that we would have by then. The next run writes
  // what is passed over.
  await connection.query(
    `UPDATE changefeed.watched SET needed_at = clock_timestamp() WHERE relid IN (SELECT relid FROM changefeed.watched WHERE relid = ANY ('{${now}}')
       AND needed_at < clock_timestamp() - interval '${Math.min(keepMs / 10, mostInexactMs)} milliseconds' FOR NO KEY UPDATE SKIP LOCKED)`,
  )
  const which =
    relids === undefined
      ? `needed_at <= clock_timestamp() - interval '${keepMs} milliseconds'`
      : `relid = ANY ('{${relids.join(', ')}}')`
  const rows = await connection.query(
    `SELECT relid::text FROM changefeed.watched w WHERE ${which} AND relid <> ALL ('{${now}}') AND NOT ${isBelowWatchedSql('w')} ORDER BY relid`,
  )
  const all = rows.map(([relid]) => Number(relid))
  const batches: (readonly number[])[] = []
  for (let at = 0; at < all.length; at += batchTables) batches.push(all.slice(at, at + batchTables))
  let given = 0
  const busy: number[] = []
  const deadline = Date.now() + patienceMs
  for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
    const count = await giveBackBatch(connection, batch, needed)
    if (count !== undefined) given += count
    else if (batch.length > 1) {
      const half = Math.ceil(batch.length / 2)
      batches.push(batch.slice(half), batch.slice(0, half))
    } else if (Date.now() < deadline) {
      batches.push(batch)
      await delay(pauseMs)
    } else busy.push(...batch)
  }
  const [left] = await connection.query('SELECT count(*)::text FROM changefeed.watched')
  return { given, busy, left: Number(left?.[0]) }
}

/** Returns how many tables were given back; undefined: somebody else has locked one of them. */
async function giveBackBatch(
  connection: RawConnection,
  relids: readonly number[],
  needed: GiveBackOptions['needed'],
): Promise<number | undefined> {
  try {
    await connection.query(`${beginSql}; LOCK TABLE ${watchingTable} IN EXCLUSIVE MODE`)
    const inNeed = await needed()
    const free = relids.filter((relid) => !inNeed.has(relid))
    if (free.length > 0) {
      const parts = await partitionsOf(connection, free, inNeed)
      await giveBackNow(connection, [...free, ...parts], relids.length === 1)
    }
    await connection.query('COMMIT')
    return free.length
  } catch (error) {
    await connection.query('ROLLBACK')
    if (!isLocked(error)) throw error
    return undefined
  }
}

/** A partition is given back with its partitioned table. */
const isBelowWatchedSql = (row: string): string =>
  `EXISTS (SELECT FROM jsonb_array_elements_text(${row}.description -> 'ancestors') a JOIN changefeed.watched root ON root.relid = a::oid)`

/** The partitions that are watched only for the sake of these tables. */
async function partitionsOf(
  connection: RawConnection,
  relids: readonly number[],
  inNeed: ReadonlySet<number>,
): Promise<readonly number[]> {
  const list = relids.join(', ')
  const rows = await connection.query(
    `SELECT w.relid::text FROM changefeed.watched w WHERE w.description ? 'ancestors' AND w.relid NOT IN (${list})
       AND EXISTS (SELECT FROM jsonb_array_elements_text(w.description -> 'ancestors') a WHERE a::oid IN (${list}))
       AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(w.description -> 'ancestors') a JOIN pg_publication_rel r ON r.prrelid = a::oid
         JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}' AND a::oid NOT IN (${list}))`,
  )
  const found = rows.map(([relid]) => Number(relid))
  // What changefeeds need for itself must stay in the publication.
  const own = found.filter((relid) => inNeed.has(relid))
  if (own.length > 0) {
    const missing = await connection.query(
      `SELECT format('ONLY %I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN (${own.join(', ')})
         AND NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = '${publication}' AND r.prrelid = c.oid)`,
    )
    if (missing.length > 0)
      await connection.query(`ALTER PUBLICATION ${publication} ADD TABLE ${missing.map(([name]) => name).join(', ')}`)
  }
  return found.filter((relid) => !inNeed.has(relid))
}

async function giveBackNow(connection: RawConnection, relids: readonly number[], isWaiting: boolean): Promise<void> {
  const list = relids.join(', ')
  const namesSql = `SELECT format('%I.%I', n.nspname, c.relname) FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE w.relid IN (${list}) ORDER BY w.relid`
  const names = (await connection.query(namesSql)).map(([name]) => name ?? '')
  // The strongest lock that is needed is taken at once. If no identity is restored, it conflicts with no reader or writer.
  const [changed] = await connection.query(
    `SELECT EXISTS (SELECT FROM changefeed.watched WHERE relid IN (${list}) AND was_identity IS NOT NULL)`,
  )
  const mode = changed?.[0] === 't' ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE'
  if (names.length > 0) await connection.query(lockSql(names, mode, isWaiting))
  for (const [statement] of await connection.query(restoreSql(list))) await connection.query(statement ?? '')
  const members = await connection.query(
    `SELECT format('ONLY %I.%I', n.nspname, c.relname) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.pubname = '${publication}' AND r.prrelid IN (${list})`,
  )
  if (members.length > 0) {
    await connection.query(
      `ALTER PUBLICATION ${publication} DROP TABLE ${members.map(([member]) => member ?? '').join(', ')}`,
    )
  }
  await connection.query(`DELETE FROM changefeed.watched WHERE relid IN (${list})`)
}

/** Restores identities. What the owner has changed since then stays, and an index that was dropped cannot be used again. */
const restoreSql = (
  list: string,
): string => `SELECT format('ALTER TABLE ONLY %I.%I REPLICA IDENTITY %s', n.nspname, c.relname,
    CASE WHEN w.was_identity = 'n' THEN 'NOTHING' WHEN i.relname IS NOT NULL THEN format('USING INDEX %I', i.relname) ELSE 'DEFAULT' END)
  FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index x ON w.was_identity = 'i' AND x.indexrelid = w.was_index AND x.indrelid = w.relid
    AND x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL
  LEFT JOIN pg_class i ON i.oid = x.indexrelid
  WHERE w.relid IN (${list}) AND w.was_identity IS NOT NULL AND w.was_identity <> 'f' AND c.relreplident = 'f'`
