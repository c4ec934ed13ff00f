// Divides the bytes of a server into messages: `u8 tag, i32 length (itself included), body`. A chunk of the socket contains many whole
// messages, which are not copied, and parts of messages at its start and end, which are.

import { FeedError } from '../errors/feed-error.ts'
import { fromServer } from '../wire/tags.ts'

const headBytes = 5
const partBytes = 16 * 1024
/** A larger buffer, which one large message has made grow, is released. */
const keepPartBytes = 8 * 1024 * 1024

/** `bytes[start, end)` is the body; valid during the call. */
export type OnMessage = (tag: number, bytes: Buffer, start: number, end: number) => void

/** What a server may send in one message before it has let us in: until then it may be anybody. */
export const mostLoginBytes = 64 * 1024

export class BackendMessages {
  readonly #onMessage: OnMessage
  /** Gets messages of COPY in place of `onMessage`: as many as lie together, `bytes[start, end)` with their heads. */
  onCopyRun: ((bytes: Buffer, start: number, end: number) => void) | undefined
  /** A longer message is refused before its bytes are kept. */
  mostBytes = Infinity
  /** The beginning of a message that is not complete yet: `#part[0, #partLength)`. */
  #part = Buffer.allocUnsafeSlow(partBytes)
  #partLength = 0

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage
  }

  /** Reads `chunk[0, length)`. Only an incomplete message is copied; nothing else of the chunk is kept. */
  push(chunk: Buffer, length: number): void {
    let at = 0
    while (this.#partLength > 0 && at < length) {
      const wanted = this.#partLength < headBytes ? headBytes : this.#totalOf(this.#part, 0)
      const taken = Math.min(wanted - this.#partLength, length - at)
      this.#keep(chunk, at, at + taken, wanted)
      at += taken
      if (this.#partLength >= headBytes && this.#partLength === this.#totalOf(this.#part, 0)) this.#handOnPart()
    }
    const onMessage = this.#onMessage
    while (length - at >= headBytes) {
      const end = at + this.#totalOf(chunk, at)
      if (end > length) break
      if (chunk[at] === fromServer.copyData && this.onCopyRun !== undefined) {
        const from = at
        at = this.#endOfRun(chunk, end, length)
        this.onCopyRun(chunk, from, at)
        continue
      }
      onMessage(chunk[at] as number, chunk, at + headBytes, end)
      at = end
    }
    if (at < length) this.#keep(chunk, at, length, length - at)
  }

  /** Returns where the last of the whole messages of COPY ends that follow `at` without another in between. */
  #endOfRun(chunk: Buffer, at: number, length: number): number {
    let end = at
    while (length - end >= headBytes && chunk[end] === fromServer.copyData) {
      const next = end + this.#totalOf(chunk, end)
      if (next > length) break
      end = next
    }
    return end
  }

  #totalOf(bytes: Buffer, at: number): number {
    const length = bytes.readInt32BE(at + 1)
    if (length < 4 || length > this.mostBytes)
      throw new FeedError('FEED_PROTOCOL', `a message from PostgreSQL has length ${length}`)
    return 1 + length
  }

  #handOnPart(): void {
    const end = this.#partLength
    this.#partLength = 0
    if (this.#part[0] === fromServer.copyData && this.onCopyRun !== undefined) this.onCopyRun(this.#part, 0, end)
    else this.#onMessage(this.#part[0] as number, this.#part, headBytes, end)
    if (this.#part.length <= keepPartBytes) return
    // The memory is freed at once, because an idle thread collects no garbage for hours. The call that used it has returned.
    this.#part.buffer.transfer(0)
    this.#part = Buffer.allocUnsafeSlow(partBytes)
  }

  /** `total` is the length of the whole message, as far as it is known. */
  #keep(from: Buffer, start: number, end: number, total: number): void {
    const needed = Math.max(this.#partLength + end - start, total)
    if (needed > this.#part.length) {
      // The buffer gets exactly the size of the message once its length is known, because a value may have a gigabyte.
      const bigger = Buffer.allocUnsafeSlow(needed)
      this.#part.copy(bigger, 0, 0, this.#partLength)
      this.#part = bigger
    }
    from.copy(this.#part, this.#partLength, start, end)
    this.#partLength += end - start
  }
}

/** Reads the columns of a DataRow body in text format: i16 count, count × (i32 length or -1, bytes). */
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
