// Far behind: whole batches of changes with COPY from pg_logical_slot_peek_binary_changes, several times as fast as the
// stream, because the server does not write to the socket once per message.
//
// COPY's binary form: 19 bytes of head ("PGCOPY\n\xff\r\n\0", u32 flags, u32 extension length 0); per tuple i16 fields
// (here 1), i32 length, bytes; at the end i16 -1. The first CopyData holds the head in front of its tuple.
//
// Peeking moves nothing: the slot is advanced by whoever has made the log durable.

import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { publication } from './install-sql.ts'

const headBytes = 19

export interface BulkPullOptions {
  /** Also an ordinary connection would do; the replication connection is the one at hand. */
  readonly connection: RawConnection
  readonly slot: string
  /** The server stops at the first commit behind so many messages. */
  readonly maxMessages: number
  readonly message: (bytes: Buffer, start: number, end: number) => void
  readonly chunkDone: () => void | Promise<void>
}

/** Gives the number of messages: fewer than asked for means that the slot's head is reached. */
export async function bulkPull({ connection, slot, maxMessages, message, chunkDone }: BulkPullOptions): Promise<number> {
  let isFirst = true
  let messages = 0
  const sql = `COPY (SELECT data FROM pg_logical_slot_peek_binary_changes('${slot}', NULL, ${maxMessages}, 'proto_version', '1', 'publication_names', '${publication}', 'messages', 'true')) TO STDOUT (FORMAT binary)`
  await connection.copyOut(sql, {
    data(bytes, start, end) {
      let at = start
      if (isFirst) {
        at += headBytes
        isFirst = false
        if (at === end) return
      }
      const fields = bytes.readInt16BE(at)
      if (fields === -1) return
      const length = bytes.readInt32BE(at + 2)
      if (fields !== 1 || at + 6 + length !== end) throw new FeedError('FEED_PROTOCOL', 'COPY of the slot sent an unexpected tuple')
      messages += 1
      message(bytes, at + 6, end)
    },
    chunkDone,
  })
  return messages
}
