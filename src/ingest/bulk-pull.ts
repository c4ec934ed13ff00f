// Reads changes while ingest is far behind: whole batches with COPY from pg_logical_slot_peek_binary_changes, several times
// as fast as the stream, because the server does not write to the socket once per message.
//
// COPY's binary form: 19 bytes of head ("PGCOPY\n\xff\r\n\0", u32 flags, u32 extension length 0); per tuple i16 fields
// (here 1, or 2 with the position), i32 length, bytes; at the end i16 -1. The first CopyData holds the head, alone or together with the first tuple.
//
// Peeking does not move the slot: catch-up.ts advances it when the log is durable. Only a temporary copy of the slot is moved by its pulls.
// A batch ends with a whole transaction.

import { formatLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import type { Gate } from './readings/gate.ts'
import { publication } from '../source-schema/names.ts'

const headBytes = 19
/** Tag and length of a CopyData message. */
const copyHeadBytes = 5
/** A position, and the length of what follows it. */
const positionBytes = 12

export interface BulkPullOptions {
  /** The replication connection, because it is idle then. An ordinary connection would do as well. */
  readonly connection: Pick<RawConnection, 'copyOut'>
  readonly slot: string
  /** A temporary copy of the slot, to pull from. */
  readonly copy?: string | undefined
  /** The end of the log. Between pulls nobody holds the slot, so somebody else may move it further, or make it anew. */
  readonly logEnd: Lsn
  /** The server stops at the first commit after so many messages. */
  readonly maxMessages: number
  readonly message: (bytes: Buffer, start: number, end: number) => void
  /** Gets the messages instead, with their positions. */
  readonly gate?: Pick<Gate, 'message'> | undefined
  readonly chunkDone: () => void | Promise<void>
}

export interface Pulled {
  /** If they are fewer than asked for, the pull has brought everything that was flushed when it began. */
  readonly messages: number
  readonly bytes: number
}

export async function bulkPull({
  connection,
  slot,
  copy,
  logEnd,
  maxMessages,
  message,
  gate,
  chunkDone,
}: BulkPullOptions): Promise<Pulled> {
  let isFirst = true
  let isOver = false
  let messages = 0
  let total = 0
  const wanted = gate === undefined ? 1 : 2
  // The function has collected everything when the first row asks where the slot stands; without a row, the caller asks.
  const kept = `CASE WHEN (${slotIsKeptSql(slot, logEnd)}) THEN data END`
  const sql = `COPY (SELECT ${gate === undefined ? '' : 'lsn, '}${kept} FROM pg_catalog.pg_logical_slot_${copy === undefined ? 'peek' : 'get'}_binary_changes('${copy ?? slot}', NULL, ${maxMessages}, 'proto_version', '1', 'publication_names', '${publication}')) TO STDOUT (FORMAT binary)`
  const data = (bytes: Buffer, start: number, end: number): void => {
    let at = start
    if (isFirst) {
      at += headBytes
      isFirst = false
      if (at === end) return
    }
    if (isOver || end - at < 2) throw unexpected()
    const fields = bytes.readInt16BE(at)
    isOver = fields === -1
    if (isOver) return
    const from = at + (gate === undefined ? 6 : 6 + positionBytes)
    if (fields === wanted && end === from && bytes.readInt32BE(from - 4) === -1) throw slotMoved(slot)
    if (fields !== wanted || end < from || from + bytes.readInt32BE(from - 4) !== end) throw unexpected()
    messages += 1
    total += end - from
    if (gate === undefined) message(bytes, from, end)
    else gate.message(bytes, from, end, at + 6)
  }
  await connection.copyOut(sql, {
    data,
    run(bytes, start, end) {
      for (let at = start; at < end;) {
        const next = at + 1 + bytes.readInt32BE(at + 1)
        data(bytes, at + copyHeadBytes, next)
        at = next
      }
    },
    chunkDone,
  })
  if (!isOver) throw unexpected()
  return { messages, bytes: total }
}

/** Gives true if the slot sends everything after the log's end. */
export function slotIsKeptSql(slot: string, logEnd: Lsn): string {
  return `SELECT confirmed_flush_lsn <= '${formatLsn(logEnd)}' FROM pg_catalog.pg_replication_slots WHERE slot_name = '${slot}'`
}

/** The next attempt finds out what is missing. */
export function slotMoved(slot: string): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', `replication slot "${slot}" was advanced or recreated by somebody else`)
}

function unexpected(): FeedError {
  return new FeedError('FEED_PROTOCOL', 'COPY of the slot sent something else than tuples of as many columns')
}
