// Pulls in bulk until ingest is near the end of the source's WAL. After each pull the log is made durable, and only then is
// the slot moved, to exactly the log's durable end.
//
// Every pull decodes again from where the slot must restart. That position moves only past a record of the running
// transactions, which the server writes every 15 seconds; so we have one written before each pull, for the next pull. And a
// pull that reached the end is the last one, however much was written meanwhile: the stream decodes that once.
//
// A pull may bring nothing, because no watched table was written to. The slot must move all the same, or the stream would
// decode all of it again. It must not move to the flush position that the server reports: that may lie inside a record, and
// after a crash another commit may begin before it. So a logical message is written before each pull and flushed with
// its transaction; every commit before the end of that record is whole, durable, and in the pull.

import { formatLsn, parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import { bulkPull } from './bulk-pull.ts'
import { askClock } from './clock-probe.ts'
import type { AttemptParts } from './attempt-parts.ts'
import type { Queries } from '../postgres/queries.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { roomIn } from './readings/gate.ts'
import { stampClosed } from './stamp.ts'

/** With more WAL than this to read, a bulk pull pays: one of some 50,000 messages is not slower than the stream. */
const worthPullingBytes = 8n * 1024n * 1024n

/** The size of a pull. The server collects all of it before it sends the first byte, in a file if it exceeds work_mem. */
const pullBytes = 256 * 1024 * 1024
/**
 * How many bytes a message takes is known only after a pull, so the first one is small. If the server has no room even for
 * the least, only the stream is left.
 */
const pullMessages = { first: 20_000, least: 2000, most: 1_000_000 }
const growth = 8
const noLimit = 1n << 64n
/** SQLSTATEs for: temp_file_limit exceeded, disk full, out of memory. */
const noRoom: ReadonlySet<string> = new Set(['53400', '53100', '53200'])

/** `local`: the commit does not wait for a standby. */
export const markSql = `SELECT pg_catalog.set_config('synchronous_commit', 'local', true), pg_catalog.pg_logical_emit_message(true, 'pg_changefeed', '')::text`

/** PostgreSQL has the function since version 16. Others than superusers may call it if a DBA lets them; without it the pulls decode more. */
const noteRunningSql = `DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 160000 THEN
    IF has_function_privilege('pg_log_standby_snapshot()', 'EXECUTE') THEN PERFORM pg_log_standby_snapshot(); END IF;
  END IF;
END $$`

export interface CatchUpOptions extends Omit<AttemptParts, 'health'> {
  readonly closedTargetMs: () => number
  /** Called with the source's present flush position. */
  readonly sourceAt: (lsn: Lsn) => void
  /** Called when a pull begins. */
  readonly pulling: () => void
  /** Opens a new connection for the slot in the place of this one. */
  readonly replace: (replication: RawConnection) => Promise<RawConnection>
}

export interface CaughtUp {
  /** False: the server cannot collect even the smallest pull, and only the stream is left. */
  readonly isRoom: boolean
  /** The connection that is to be used from now on. */
  readonly replication: RawConnection
}

export async function catchUp(options: CatchUpOptions): Promise<CaughtUp> {
  const { writer, applier, apply, gate, history, clock, commit, control, slot, closedTargetMs, sourceAt, pulling } =
    options
  let { replication } = options
  let maxMessages = pullMessages.first
  for (;;) {
    const probe = await askClock(control, clock, false)
    sourceAt(probe.lsn)
    if (probe.lsn - writer.endLsn < worthPullingBytes) return { isRoom: true, replication }
    pulling()
    await control.query(noteRunningSql)
    const mark = await flushedMark(control)
    let pulled
    gate?.open({ message: apply, keepalive: () => undefined })
    try {
      pulled = await bulkPull({
        connection: replication,
        slot,
        maxMessages,
        message: apply,
        gate,
        chunkDone: () => roomIn(gate, commit.written()),
      })
      await gate?.settled()
    } catch (error) {
      if (!(error instanceof FeedError) || !noRoom.has(error.sqlstate) || applier.inTransaction) throw error
      // PostgreSQL 14 takes what it described in a pull that failed for known to the next one on the same connection.
      replication = await options.replace(replication)
      if (maxMessages <= pullMessages.least || !history.isChecked) return { isRoom: false, replication }
      maxMessages = Math.max(Math.floor(maxMessages / growth), pullMessages.least)
      continue
    }
    const isAll = pulled.messages < maxMessages
    // All known transactions at the beginning of the pull must be compared before the slot forgets them.
    if (isAll) history.passed(noLimit)
    if (!history.isChecked) {
      maxMessages *= growth
      continue
    }
    // The pull began after the probe and the mark, and it has decoded every record that was flushed when it began.
    if (isAll) writer.closed(stampClosed(writer.lastTimestamp, probe.micros, closedTargetMs()), mark)
    await commit.drain()
    await advance(control, slot, writer.durableEndLsn)
    if (isAll) return { isRoom: true, replication }
    const fitting = Math.round((pullBytes * pulled.messages) / Math.max(1, pulled.bytes))
    maxMessages = Math.min(Math.max(fitting, pullMessages.least), pullMessages.most, maxMessages * growth)
  }
}

/** A position before which every commit is whole and durable. */
async function flushedMark(control: Queries): Promise<Lsn> {
  const [row] = await control.query(markSql)
  return parseLsn(row?.[1] ?? '')
}

/** Makes the slot forget everything before `durable`, without decoding it. */
export async function advance(control: Queries, slot: string, durable: Lsn): Promise<void> {
  const lsn = formatLsn(durable)
  await control.query(
    `SELECT pg_replication_slot_advance('${slot}', '${lsn}') FROM pg_replication_slots WHERE slot_name = '${slot}' AND confirmed_flush_lsn < '${lsn}'`,
  )
}
