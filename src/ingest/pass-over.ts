// Skips a transaction that PostgreSQL cannot decode. The log says of which tables changes are missing, so that exactly the
// feeds of these tables end, and the slot is moved after the transaction. pg_walinspect reads in the WAL which tables those
// are; where that cannot be found out, everything up to now is missing for all feeds.

import { nextHlc } from '../core/hlc.ts'
import { formatLsn, parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { ChangelogWriter } from '../changelog/changelog.ts'
import { flushedMark } from '../postgres/flushed-mark.ts'
import { advance } from './move-slot.ts'
import { isPublicationMissing } from './remedy.ts'
import type { Queries } from '../postgres/queries.ts'
import type { SourceKeeper } from './source-keeper.ts'

export interface PassOverOptions {
  readonly control: Queries
  /** A connection for the slot, which is idle. */
  readonly replication: Queries
  readonly writer: ChangelogWriter
  readonly slot: string
  readonly keeper: SourceKeeper
  /** The failure to decode. */
  readonly error: FeedError
}

interface Culprit {
  /** End LSN of its commit. */
  readonly end: Lsn
  readonly tables: readonly { readonly relid: number; readonly name: string }[]
}

/** WAL is searched in pieces of so many bytes. */
const pieceBytes = 64n * 1024n * 1024n

/** Returns the reason that was written into the log. */
export async function passOver({
  control,
  replication,
  writer,
  slot,
  keeper,
  error,
}: PassOverOptions): Promise<string> {
  // The search creates an extension in our schema for a moment.
  const isUnknown = keeper.mode === 'prepared' || isPublicationMissing(error)
  const culprit = isUnknown ? undefined : await findCulprit(control, slot, error)
  const end = culprit?.end ?? (await flushedMark(control))
  const reason =
    culprit === undefined
      ? `PostgreSQL cannot decode what was written after ${formatLsn(writer.endLsn)}: ${error.message}; the changes up to ${formatLsn(end)} are missing`
      : `PostgreSQL cannot decode a transaction that changes ${culprit.tables.map(({ name }) => name).join(', ')} (up to ${formatLsn(end)}): ${error.message}`
  const relids = culprit?.tables.map(({ relid }) => relid)
  writer.gap(nextHlc(writer.lastTimestamp), end, reason, relids)
  await writer.flush()
  await advance(replication, slot, end)
  await keeper.afterGap(control)
  return reason
}

/** Returns undefined if the transaction cannot be found. */
async function findCulprit(control: Queries, slot: string, { context }: FeedError): Promise<Culprit | undefined> {
  const at = /LSN ([0-9A-F]+\/[0-9A-F]+)/.exec(context ?? '')?.[1]
  if (at === undefined) return undefined
  try {
    // All of this is rolled back: nothing of ours stays in the database.
    await control.query(
      `BEGIN; SET LOCAL lock_timeout = '1s'; CREATE EXTENSION IF NOT EXISTS pg_walinspect SCHEMA changefeed`,
    )
    return await inspect(control, slot, parseLsn(at))
  } catch (error) {
    // The extension is not installed on the machine, or we may not create it.
    if (error instanceof FeedError && error.code === 'FEED_SOURCE_REFUSED') return undefined
    throw error
  } finally {
    await control.query('ROLLBACK')
  }
}

async function inspect(control: Queries, slot: string, at: Lsn): Promise<Culprit | undefined> {
  const [place] = await control.query(
    `SELECT extnamespace::regnamespace::text, pg_current_wal_flush_lsn()::text, (SELECT restart_lsn::text FROM pg_replication_slots WHERE slot_name = '${slot}') FROM pg_extension WHERE extname = 'pg_walinspect'`,
  )
  const [schema, flushed, restart] = place ?? []
  if (schema == null || flushed == null || restart == null) return undefined
  const [record] = await control.query(`SELECT xid::text FROM ${schema}.pg_get_wal_record_info('${formatLsn(at)}')`)
  const xid = record?.[0]
  if (xid == null || xid === '0') return undefined
  const records = (from: Lsn, to: Lsn): string =>
    `${schema}.pg_get_wal_records_info('${formatLsn(from)}', '${formatLsn(to)}')`

  const last = parseLsn(flushed)
  const isCommit = `resource_manager = 'Transaction' AND record_type = 'COMMIT' AND (xid::text = '${xid}' OR description ~ 'subxacts:[0-9 ]* ${xid}\\M')`
  const commit = await firstOf(at, last, (from, to) =>
    control.query(
      `SELECT end_lsn::text, xid::text, substring(description FROM 'subxacts:([0-9 ]+)') FROM ${records(from, to)} WHERE ${isCommit} ORDER BY start_lsn LIMIT 1`,
    ),
  )
  const [end, top, sub] = commit ?? []
  if (end == null || top == null) return undefined
  const xids = [top, ...(sub ?? '').split(' ').filter((id) => id !== '')]

  const found = new Set<string>()
  const mine = `xid::text = ANY ('{${xids.join()}}')`
  const unknown = await firstOf(parseLsn(restart), parseLsn(end), async (from, to) => {
    const rows = await control.query(
      `SELECT DISTINCT CASE WHEN record_type LIKE 'TRUNCATE%' THEN 'truncate' ELSE r[1] || ' ' || r[2] END FROM ${records(from, to)} LEFT JOIN LATERAL regexp_matches(block_ref, 'rel ([0-9]+)/[0-9]+/([0-9]+)', 'g') AS r ON true WHERE ${mine}`,
    )
    for (const [file] of rows) if (file != null) found.add(file)
    return found.has('truncate') ? [['truncate']] : []
  })
  if (unknown !== undefined || found.size === 0) return undefined
  const files = [...found].map((file) => `(${file.replace(' ', ', ')})`).join(', ')
  const rows = await control.query(
    `SELECT f.relid::text, w.relid::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
     FROM (SELECT pg_filenode_relation(space::oid, file::oid)::oid AS relid FROM (VALUES ${files}) AS v (space, file)) AS f
     LEFT JOIN pg_class t ON t.reltoastrelid = f.relid
     LEFT JOIN changefeed.watched w ON w.relid = coalesce(t.oid, f.relid)
     LEFT JOIN pg_class c ON c.oid = w.relid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace`,
  )
  // A file that belongs to no table any more belonged to a table that has been rewritten since.
  if (rows.some(([relation]) => relation == null)) return undefined
  // A table and its out-of-line values are two files, which count as one table.
  const named = new Map(rows.flatMap(([, relid, name]) => (relid == null ? [] : [[Number(relid), name ?? relid]])))
  const tables = [...named].map(([relid, name]) => ({ relid, name }))
  return tables.length === 0 ? undefined : { end: parseLsn(end), tables }
}

async function firstOf(
  from: Lsn,
  to: Lsn,
  ask: (from: Lsn, to: Lsn) => Promise<(string | null)[][]>,
): Promise<(string | null)[] | undefined> {
  for (let at = from; at < to; at += pieceBytes) {
    const [row] = await ask(at, at + pieceBytes < to ? at + pieceBytes : to)
    if (row !== undefined) return row
  }
  return undefined
}
