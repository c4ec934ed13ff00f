// Cuts a byte stream into messages (tag, i32 length, body) for whoever looks at each but mostly passes them on. Pieces
// of a message are copied together only when somebody needs it whole; large ones of no interest stream through.

import { FeedError } from '../errors/feed-error.ts'

export interface CutHandler {
  /** A whole message: `bytes[start, end)`, tag first. */
  message(tag: number, bytes: Buffer, start: number, end: number): void
  /** Whether a part of such a message may be passed on before the rest is there. */
  mayStream(tag: number): boolean
  /** A part of a message that streams: the first begins with its tag. */
  part(bytes: Buffer, start: number, end: number): void
}

export class MessageCutter {
  readonly #handler: CutHandler
  #held: Buffer[] = []
  #heldLength = 0
  #needed = 0
  /** Bytes of a streaming message still to come. */
  #streaming = 0

  constructor(handler: CutHandler) {
    this.#handler = handler
  }

  push(chunk: Buffer): void {
    let bytes = chunk
    if (this.#heldLength > 0) {
      this.#held.push(chunk)
      this.#heldLength += chunk.length
      if (this.#heldLength < this.#needed) return
      bytes = Buffer.concat(this.#held, this.#heldLength)
      this.#held = []
      this.#heldLength = 0
    }
    let at = 0
    if (this.#streaming > 0) {
      at = Math.min(this.#streaming, bytes.length)
      this.#streaming -= at
      this.#handler.part(bytes, 0, at)
    }
    while (bytes.length - at >= 5) {
      const length = bytes.readInt32BE(at + 1)
      if (length < 4) throw new FeedError('FEED_PROTOCOL', `invalid message length ${length}`)
      const end = at + 1 + length
      const tag = bytes[at] as number
      if (end <= bytes.length) this.#handler.message(tag, bytes, at, end)
      else if (this.#handler.mayStream(tag)) {
        this.#handler.part(bytes, at, bytes.length)
        this.#streaming = end - bytes.length
        return
      } else {
        this.#hold(bytes, at, 1 + length)
        return
      }
      at = end
    }
    if (at < bytes.length) this.#hold(bytes, at, 5)
  }

  #hold(bytes: Buffer, at: number, needed: number): void {
    this.#held = [bytes.subarray(at)]
    this.#heldLength = bytes.length - at
    this.#needed = needed
  }
}
