// Cuts what a server sends into messages and hands each on in place: `u8 tag, i32 length (itself included), body`.
// A chunk of the socket holds many whole messages and parts of one at its ends; only those parts are ever copied.

import { FeedError } from '../errors/feed-error.ts'

const headBytes = 5
const partBytes = 16 * 1024
/** A buffer that one large message has blown up is given back to the allocator. */
const keepPartBytes = 8 * 1024 * 1024

/** `bytes[start, end)` is the body; valid during the call. */
export type OnMessage = (tag: number, bytes: Buffer, start: number, end: number) => void

export class BackendMessages {
  readonly #onMessage: OnMessage
  /** The beginning of a message whose rest is still to come: `#part[0, #partLength)`. */
  #part = Buffer.allocUnsafeSlow(partBytes)
  #partLength = 0

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage
  }

  /** Takes `chunk[0, length)`; nothing of it is kept but a copy of an unfinished message. */
  push(chunk: Buffer, length: number): void {
    let at = 0
    while (this.#partLength > 0 && at < length) {
      const wanted = this.#partLength < headBytes ? headBytes : totalOf(this.#part, 0)
      const taken = Math.min(wanted - this.#partLength, length - at)
      this.#keep(chunk, at, at + taken, wanted)
      at += taken
      if (this.#partLength >= headBytes && this.#partLength === totalOf(this.#part, 0)) this.#handOnPart()
    }
    const onMessage = this.#onMessage
    while (length - at >= headBytes) {
      const end = at + totalOf(chunk, at)
      if (end > length) break
      onMessage(chunk[at] as number, chunk, at + headBytes, end)
      at = end
    }
    if (at < length) this.#keep(chunk, at, length, length - at)
  }

  #handOnPart(): void {
    const end = this.#partLength
    this.#partLength = 0
    this.#onMessage(this.#part[0] as number, this.#part, headBytes, end)
    if (this.#part.length <= keepPartBytes) return
    // Now, not at the next collection: an idle thread has none for hours. Its one user's call is over.
    this.#part.buffer.transfer(0)
    this.#part = Buffer.allocUnsafeSlow(partBytes)
  }

  /** `total`: what the part will need in the end, as far as known. */
  #keep(from: Buffer, start: number, end: number, total: number): void {
    const needed = Math.max(this.#partLength + end - start, total)
    if (needed > this.#part.length) {
      // Exactly the size of the message, once its head is known: a value may be a gigabyte.
      const bigger = Buffer.allocUnsafeSlow(needed)
      this.#part.copy(bigger, 0, 0, this.#partLength)
      this.#part = bigger
    }
    from.copy(this.#part, this.#partLength, start, end)
    this.#partLength += end - start
  }
}

function totalOf(bytes: Buffer, at: number): number {
  const length = bytes.readInt32BE(at + 1)
  if (length < 4) throw new FeedError('FEED_PROTOCOL', `a message from PostgreSQL has length ${length}`)
  return 1 + length
}

/** The columns of a DataRow body: i16 count, count × (i32 length or -1, bytes). Text format. */
export function readDataRow(bytes: Buffer, start: number): (string | null)[] {
  const row: (string | null)[] = []
  const columns = bytes.readInt16BE(start)
  let at = start + 2
  for (let i = 0; i < columns; i++) {
    const length = bytes.readInt32BE(at)
    at += 4
    row.push(length < 0 ? null : bytes.toString('utf8', at, at + length))
    if (length > 0) at += length
  }
  return row
}
