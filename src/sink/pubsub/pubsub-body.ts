// The keys and values of one batch, one after the other. publish-request.ts makes a request of them.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import { grown } from '../../bytes/grow.ts'
import { LargeTimes } from '../../core/large-times.ts'
import type { BatchBody } from '../batching/lane-client.ts'

/** Most bodies are small: a sink has many lanes. */
const initialBytes = 2 * 1024
const nil = Buffer.from('null')

export class PubsubBody implements BatchBody<PubsubBody> {
  readonly #out: ByteWriter
  readonly #overheadBytes: number
  /** Where the key of each message ends; -1: the message has none. */
  #keyEnds = new Int32Array(16)
  #valueEnds = new Int32Array(16)
  /** When the rows of large messages were committed, by the index of the message. */
  readonly #times = new LargeTimes()
  count = 0

  /** `overheadBytes`: the most that a message has in a request beside its key and value. */
  constructor(overheadBytes: number, bytes = initialBytes) {
    this.#overheadBytes = overheadBytes
    this.#out = new ByteWriter(bytes)
  }

  get bytes(): number {
    return this.#out.length + this.count * this.#overheadBytes
  }

  get capacity(): number {
    return this.#out.buffer.length + 2 * this.#keyEnds.byteLength
  }

  /** The memory in which the messages are. */
  get buffer(): Buffer {
    return this.#out.buffer
  }

  startOf(message: number): number {
    return message === 0 ? 0 : (this.#valueEnds[message - 1] as number)
  }

  /** Returns where the key ends and the value begins; -1: the message has no key, and its value begins at its start. */
  keyEndOf(message: number): number {
    return this.#keyEnds[message] as number
  }

  endOf(message: number): number {
    return this.#valueEnds[message] as number
  }

  /** Returns when the row of a message was committed; undefined: the message is small. */
  timeOf(message: number): string | undefined {
    return this.#times.get(message)
  }

  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number, time?: string): void {
    if (time !== undefined) this.#times.set(this.count, time)
    if (this.count === this.#keyEnds.length) {
      this.#keyEnds = grown(this.#keyEnds)
      this.#valueEnds = grown(this.#valueEnds)
    }
    if (keyStart >= 0) this.#out.copy(bytes, keyStart, keyEnd)
    this.#keyEnds[this.count] = keyStart < 0 ? -1 : this.#out.length
    if (valueEnd < 0) this.#out.copy(nil)
    else this.#out.copy(bytes, keyEnd, valueEnd)
    this.#valueEnds[this.count] = this.#out.length
    this.count += 1
  }

  halves(): readonly [PubsubBody, PubsubBody] {
    const half = Math.floor(this.count / 2)
    const size = Math.ceil(this.#out.length / 2)
    const both = [new PubsubBody(this.#overheadBytes, size), new PubsubBody(this.#overheadBytes, size)] as const
    for (let n = 0; n < this.count; n++) {
      const [start, keyEnd, end] = [this.startOf(n), this.keyEndOf(n), this.endOf(n)]
      const hasKey = keyEnd >= 0
      both[n < half ? 0 : 1].add(this.buffer, hasKey ? start : -1, hasKey ? keyEnd : start, end, this.#times.get(n))
    }
    return both
  }

  clear(): void {
    this.#out.clear()
    this.#times.clear()
    this.count = 0
  }
}
