// Reads the messages of a client that is not let in yet. Only its answers to PostgreSQL's questions go on; everything else waits until
// the client is let in, so that nobody can make the server do anything before that.

import { FeedError } from '../errors/feed-error.ts'
import { fromClient } from '../wire/tags.ts'

/** PostgreSQL takes no longer ones. */
const mostBytes = 65_535
/** So much of what the client sends ahead is kept. */
const mostHeldBytes = 2 * mostBytes

export class PasswordMessages {
  readonly #answer: (message: Buffer) => void
  #held: Buffer = Buffer.alloc(0)

  constructor(answer: (message: Buffer) => void) {
    this.#answer = answer
  }

  /** The tag of what waits; undefined: nothing does. */
  get waiting(): number | undefined {
    return this.#held[0]
  }

  /** Throws if the bytes are no messages, or too many. */
  push(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk])
    while (this.#held.length >= 5 && this.#held[0] === fromClient.password) {
      const length = this.#held.readInt32BE(1)
      if (length < 4 || length > mostBytes)
        throw new FeedError('FEED_PROTOCOL', `invalid length ${length} of a password`)
      if (this.#held.length < 1 + length) return
      const message = this.#held.subarray(0, 1 + length)
      this.#held = this.#held.subarray(1 + length)
      this.#answer(message)
    }
    if (this.#held.length > mostHeldBytes)
      throw new FeedError('FEED_PROTOCOL', 'the client sends too much before it is let in')
  }

  /** Returns what was sent ahead; it belongs to the session. */
  take(): Buffer {
    const held = this.#held
    this.#held = Buffer.alloc(0)
    return held
  }
}
