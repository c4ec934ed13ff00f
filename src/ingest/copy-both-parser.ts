// Cuts the byte stream of START_REPLICATION into messages and hands each on in place. A chunk of the socket holds many
// whole messages and parts of one at its ends; only those parts are ever copied.
//
//   CopyData   'd'  i32 length (itself included)  payload
//   payload    'w'  u64 start  u64 WAL end  i64 server time  pgoutput message       XLogData
//              'k'  u64 WAL end  i64 server time  u8 reply wanted                   keepalive
// The stream ends with CopyDone 'c' or ErrorResponse 'E'.

import { FeedError } from '../errors/feed-error.ts'

const headBytes = 5
const xlogHeadBytes = 25

export interface CopyBothHandler {
  /** `bytes[start, end)` is one pgoutput message. */
  message(bytes: Buffer, start: number, end: number): void
  keepalive(walEnd: bigint, serverMicros: bigint, replyWanted: boolean): void
  /** Any other message of the protocol: `tag` and its body. */
  other(tag: number, bytes: Buffer, start: number, end: number): void
}

export class CopyBothParser {
  readonly #handler: CopyBothHandler
  /** The beginning of a message whose rest is still to come: `#part[0, #partLength)`. */
  #part = Buffer.allocUnsafeSlow(64 * 1024)
  #partLength = 0

  constructor(handler: CopyBothHandler) {
    this.#handler = handler
  }

  /** Takes `chunk[0, length)`; nothing of it is kept but a copy of an unfinished message. */
  push(chunk: Buffer, length: number): void {
    let at = 0
    while (this.#partLength > 0 && at < length) {
      const wanted = (this.#partLength < headBytes ? headBytes : this.#partTotal()) - this.#partLength
      const taken = Math.min(wanted, length - at)
      this.#keep(chunk, at, at + taken)
      at += taken
      if (this.#partLength >= headBytes && this.#partLength === this.#partTotal()) {
        const end = this.#partLength
        this.#partLength = 0
        this.#dispatch(this.#part, 0, end)
        if (this.#part.length > 8 * 1024 * 1024) this.#part = Buffer.allocUnsafeSlow(64 * 1024)
      }
    }
    while (length - at >= headBytes) {
      const total = messageTotal(chunk, at)
      if (total > length - at) break
      this.#dispatch(chunk, at, at + total)
      at += total
    }
    if (at < length) this.#keep(chunk, at, length)
  }

  #partTotal(): number {
    return messageTotal(this.#part, 0)
  }

  #keep(from: Buffer, start: number, end: number): void {
    const needed = this.#partLength + end - start
    if (needed > this.#part.length) {
      const bigger = Buffer.allocUnsafeSlow(Math.max(needed, this.#part.length * 2))
      this.#part.copy(bigger, 0, 0, this.#partLength)
      this.#part = bigger
    }
    from.copy(this.#part, this.#partLength, start, end)
    this.#partLength = needed
  }

  #dispatch(bytes: Buffer, start: number, end: number): void {
    if (bytes[start] !== 0x64) {
      this.#handler.other(bytes[start] as number, bytes, start + headBytes, end)
      return
    }
    const payload = start + headBytes
    const kind = bytes[payload]
    if (kind === 0x77 && end - payload > xlogHeadBytes) this.#handler.message(bytes, payload + xlogHeadBytes, end)
    else if (kind === 0x6b && end - payload >= 18) {
      this.#handler.keepalive(bytes.readBigUInt64BE(payload + 1), bytes.readBigInt64BE(payload + 9), bytes[payload + 17] === 1)
    } else throw new FeedError('FEED_PROTOCOL', `unknown replication stream message 0x${(kind ?? 0).toString(16)}`)
  }
}

function messageTotal(bytes: Buffer, start: number): number {
  const length = bytes.readInt32BE(start + 1)
  if (length < 4) throw new FeedError('FEED_PROTOCOL', `a message on the replication connection has length ${length}`)
  return 1 + length
}

/**
 * Standby status update, framed as CopyData: 'r' u64 written, u64 flushed, u64 applied, i64 client time, u8 reply wanted.
 * What is confirmed as flushed is never sent again.
 */
export function statusUpdate(durable: bigint, replyWanted: boolean): Buffer {
  const bytes = Buffer.alloc(5 + 34)
  bytes[0] = 0x64
  bytes.writeInt32BE(4 + 34, 1)
  bytes[5] = 0x72
  bytes.writeBigUInt64BE(durable, 6)
  bytes.writeBigUInt64BE(durable, 14)
  bytes.writeBigUInt64BE(durable, 22)
  bytes.writeBigInt64BE((BigInt(Date.now()) - 946_684_800_000n) * 1000n, 30)
  bytes[38] = replyWanted ? 1 : 0
  return bytes
}
