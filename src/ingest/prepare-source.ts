// Brings slot and log together at the start of an attempt: who the source is, whether the slot continues the log, and a
// new slot where there is none. What cannot come any more is written into the log as a gap before anything else.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { nextHlc } from '../core/hlc.ts'
import { formatLsn, parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { LogWriter } from '../changelog/files/log-writer.ts'
import { messagePrefix, slotName } from './install-sql.ts'
import type { Queries } from './serial-queries.ts'
import { judgeSlot, type SlotFacts, type SourceIdentity } from './source-check.ts'
import { stampClosed } from './stamp.ts'

export interface PreparedSource {
  /** Prefix of the logical messages that are ours. */
  readonly prefix: string
  readonly slot: string
  /** What was lost, if anything was. */
  readonly gap: string | undefined
}

/** `control`: an ordinary connection; `replication`: one with replication=database. */
export async function prepareSource(
  dir: string,
  control: Queries,
  replication: Queries,
  writer: LogWriter,
): Promise<PreparedSource> {
  const slot = slotName((await checkIdentity(dir, control)).databaseOid)
  const [token] = await firstRow(control, 'SELECT token FROM changefeed.source')
  const prefix = messagePrefix + token
  const verdict = judgeSlot(slot, await readSlot(control, slot), writer.endLsn)
  if (verdict.tag === 'continue') return { prefix, slot, gap: undefined }

  let from: Lsn
  if (verdict.tag === 'recreate') {
    if (verdict.drop) await control.query(`SELECT pg_drop_replication_slot('${slot}')`)
    from = await createSlot(replication, slot)
  } else {
    from = (await readSlot(control, slot))?.confirmedLsn ?? writer.endLsn
  }
  if (verdict.gap !== undefined)
    writer.gap(nextHlc(writer.lastTimestamp), from, `${verdict.gap} (up to ${formatLsn(from)})`)
  const [micros] = await firstRow(
    control,
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 946684800000000',
  )
  writer.closed(stampClosed(writer.lastTimestamp, BigInt(micros), 0), from)
  await writer.flush()
  // Tables may have changed in what is missing: every description is written into the WAL again.
  await control.query(
    'SELECT changefeed.register(relid) FROM changefeed.watched WHERE EXISTS (SELECT FROM pg_class WHERE oid = relid)',
  )
  return { prefix, slot, gap: verdict.gap }
}

/** A log belongs to one database of one cluster for ever. */
async function checkIdentity(dir: string, control: Queries): Promise<SourceIdentity> {
  const [systemIdentifier, databaseOid, database] = await firstRow(
    control,
    'SELECT system_identifier::text, (SELECT oid::text FROM pg_database WHERE datname = current_database()), current_database()::text FROM pg_control_system()',
  )
  const identity: SourceIdentity = { systemIdentifier, databaseOid, database }
  const path = join(dir, 'source.json')
  if (!existsSync(path)) {
    writeFileSync(`${path}.new`, `${JSON.stringify(identity, undefined, 2)}\n`)
    renameSync(`${path}.new`, path)
    return identity
  }
  const known = JSON.parse(readFileSync(path, 'utf8')) as SourceIdentity
  if (known.systemIdentifier === systemIdentifier && known.databaseOid === databaseOid) return identity
  throw new FeedError(
    'FEED_START',
    `the changelog in ${dir} belongs to database "${known.database}" of another PostgreSQL cluster (system identifier ${known.systemIdentifier}, now ${systemIdentifier})`,
    {
      hint: 'point the server at the cluster it was started with, or move this folder away to begin a new changelog',
    },
  )
}

async function readSlot(control: Queries, slot: string): Promise<SlotFacts | undefined> {
  // invalidation_reason came with PostgreSQL 17; to_jsonb reads it where it is.
  const rows = await control.query(
    `SELECT confirmed_flush_lsn::text, wal_status, to_jsonb(s) ->> 'invalidation_reason', plugin::text, active_pid::text FROM pg_replication_slots s WHERE slot_name = '${slot}' AND database = current_database()`,
  )
  const row = rows[0]
  if (row === undefined) return undefined
  return {
    confirmedLsn: row[0] == null ? 0n : parseLsn(row[0]),
    walStatus: row[1] ?? null,
    invalidationReason: row[2] ?? null,
    plugin: row[3] ?? '',
    activePid: row[4] == null ? null : Number(row[4]),
  }
}

/** Waits for the write transactions that are open. Gives the consistent point: later commits will be streamed. */
async function createSlot(replication: Queries, slot: string): Promise<Lsn> {
  const rows = await replication.query(`CREATE_REPLICATION_SLOT "${slot}" LOGICAL pgoutput (SNAPSHOT 'nothing')`)
  const point = rows[0]?.[1]
  if (point == null) throw new FeedError('FEED_PROTOCOL', 'CREATE_REPLICATION_SLOT gave no consistent point')
  return parseLsn(point)
}

async function firstRow(connection: Queries, sql: string): Promise<[string, string, string]> {
  const row = (await connection.query(sql))[0]
  if (row === undefined) throw new FeedError('FEED_PROTOCOL', 'a query for facts about the source gave no row')
  return row as [string, string, string]
}
