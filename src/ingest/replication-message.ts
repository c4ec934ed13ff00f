// What travels inside the CopyData messages of a replication stream:
//   'w'  u64 start  u64 WAL end  i64 server time  pgoutput message                from the server
//   'k'  u64 WAL end  i64 server time  u8 reply wanted                            from the server
//   'r'  u64 written  u64 flushed  u64 applied  i64 our time  u8 reply wanted     from us

import { FeedError } from '../errors/feed-error.ts'
import type { Lsn } from '../core/lsn.ts'

export interface ReplicationHandler {
  /** `bytes[start, end)` is one pgoutput message. */
  message(bytes: Buffer, start: number, end: number): void
  keepalive(walEnd: Lsn, replyWanted: boolean): void
}

const dataHeadBytes = 25
/** Where the position of a message is, from the start of the message. */
export const positionAt = -24
const keepaliveBytes = 18

/** `bytes[start, end)` is one CopyData payload. */
export function readReplicationMessage(handler: ReplicationHandler, bytes: Buffer, start: number, end: number): void {
  const kind = bytes[start]
  if (kind === 0x77 && end - start > dataHeadBytes) handler.message(bytes, start + dataHeadBytes, end)
  else if (kind === 0x6b && end - start === keepaliveBytes) {
    handler.keepalive(bytes.readBigUInt64BE(start + 1), bytes[start + 17] === 1)
  } else {
    const what = end > start ? `0x${(kind ?? 0).toString(16)}` : 'nothing'
    throw new FeedError('FEED_PROTOCOL', `the replication stream sent ${what} in ${end - start} bytes`)
  }
}

const pgEpochMs = 946_684_800_000

/** Standby status update. The server never sends again what is confirmed as flushed. */
export function statusUpdate(durable: Lsn, replyWanted: boolean): Buffer {
  const bytes = Buffer.alloc(34)
  bytes[0] = 0x72
  bytes.writeBigUInt64BE(durable, 1)
  bytes.writeBigUInt64BE(durable, 9)
  bytes.writeBigUInt64BE(durable, 17)
  bytes.writeBigInt64BE(BigInt(Date.now() - pgEpochMs) * 1000n, 25)
  bytes[33] = replyWanted ? 1 : 0
  return bytes
}
