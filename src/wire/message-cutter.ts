// Cuts a byte stream into messages (tag, i32 length with itself included, body) for whoever looks at each but mostly
// passes them on. Pieces of a message are copied together only when somebody needs it whole; a large one of no interest
// streams through. Whoever looks may stop at a message: what comes after it is kept until `resume`.

import { FeedError } from '../errors/feed-error.ts'

export interface CutHandler {
  /** A whole message: `bytes[start, end)`, tag first. True: stop behind it. Must not call the cutter. */
  message(tag: number, bytes: Buffer, start: number, end: number): boolean
  /** Whether a message of which only `bytes[start, …)` is there may be passed on before the rest has come. */
  mayStream(tag: number, bytes: Buffer, start: number): boolean
  /** A part of a message that streams: the first begins with its tag. */
  part(bytes: Buffer, start: number, end: number): void
}

const smallBytes = 1024
const nothing = Buffer.alloc(0)

export class MessageCutter {
  readonly #handler: CutHandler
  #held: Buffer[] = []
  #heldBytes = 0
  /** Nothing can be done before so many bytes are held. */
  #needed = 0
  /** Bytes of a streaming message still to come. */
  #streaming = 0
  #isStopped = false

  constructor(handler: CutHandler) {
    this.#handler = handler
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** A message has been passed on in part. */
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

  /** The beginning of what waits behind a stop. */
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
      if (bodyBytes < 4) throw new FeedError('FEED_PROTOCOL', `invalid message length ${bodyBytes}`)
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
