// Cuts a byte stream into messages (tag, i32 length with itself included, body) for a handler that sees each message and
// passes most of them on. The pieces of a message are copied together only if the handler needs the whole message; others
// are passed on in parts. The handler may stop the cutter after a message: later bytes are kept until `resume` is called.

import { FeedError } from '../errors/feed-error.ts'

export interface CutHandler {
  /** Gets a whole message, `bytes[start, end)` with its tag; returns true to stop after it. It must not call the cutter. */
  message(tag: number, bytes: Buffer, start: number, end: number): boolean
  /** Decides whether a message of which only `bytes[start, …)` has arrived may be passed on in parts. */
  mayStream(tag: number, bytes: Buffer, start: number): boolean
  /** The length that a message may have now; undefined: any. A longer one is refused before its bytes are kept. */
  most?(): number
  /** Gets a part of a message that is passed on in parts; the first part begins with the tag. */
  part(bytes: Buffer, start: number, end: number): void
}

const smallBytes = 1024
const nothing = Buffer.alloc(0)

export class MessageCutter {
  readonly #handler: CutHandler
  #held: Buffer[] = []
  #heldBytes = 0
  /** How many bytes must be there before the cutter can continue. */
  #needed = 0
  /** How many bytes of a message that is passed on in parts are still missing. */
  #streaming = 0
  #isStopped = false

  constructor(handler: CutHandler) {
    this.#handler = handler
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** True while only a part of a message has been passed on. */
  get isMidMessage(): boolean {
    return this.#streaming > 0
  }

  push(chunk: Buffer): void {
    if (this.#heldBytes === 0 && !this.#isStopped) {
      this.#cut(chunk)
      return
    }
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    this.#cutHeld()
  }

  resume(): void {
    this.#isStopped = false
    this.#cutHeld()
  }

  /** The bytes that were kept since the handler stopped the cutter. */
  get next(): Buffer {
    return this.#heldBytes === 0 ? nothing : Buffer.concat(this.#held, Math.min(this.#heldBytes, smallBytes))
  }

  #cutHeld(): void {
    if (this.#isStopped || this.#heldBytes === 0 || this.#heldBytes < this.#needed) return
    const [first] = this.#held
    const bytes = this.#held.length === 1 && first !== undefined ? first : Buffer.concat(this.#held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    this.#cut(bytes)
  }

  #cut(bytes: Buffer): void {
    const handler = this.#handler
    const { length } = bytes
    let at = 0
    if (this.#streaming > 0) {
      at = Math.min(this.#streaming, length)
      this.#streaming -= at
      handler.part(bytes, 0, at)
    }
    while (length - at >= 5) {
      const bodyBytes = bytes.readInt32BE(at + 1)
      if (bodyBytes < 4 || bodyBytes > (handler.most?.() ?? Infinity))
        throw new FeedError('FEED_PROTOCOL', `invalid message length ${bodyBytes}`)
      const end = at + 1 + bodyBytes
      const tag = bytes[at] as number
      if (end > length) {
        if (!handler.mayStream(tag, bytes, at)) {
          this.#hold(bytes, at, 1 + bodyBytes)
          return
        }
        handler.part(bytes, at, length)
        this.#streaming = end - length
        return
      }
      const stop = handler.message(tag, bytes, at, end)
      at = end
      if (stop) {
        this.#isStopped = true
        break
      }
    }
    this.#hold(bytes, at, 5)
  }

  #hold(bytes: Buffer, at: number, needed: number): void {
    this.#needed = needed
    if (at === bytes.length) return
    this.#held.push(bytes.subarray(at))
    this.#heldBytes += bytes.length - at
  }
}
