// The messages of one batch as they stand in the body of a request, one after the other with a separator between them. Bodies
// of several lanes are joined into one request (write-request.ts).

import { ByteWriter } from '../../bytes/byte-writer.ts'
import { grown } from '../../bytes/grow.ts'
import type { BatchBody } from '../batching/lane-client.ts'

export const separators = { json: 0x2c, csv: 0x0a } as const
/** Most bodies are small: a sink has many lanes. */
const initialBytes = 2 * 1024

export class WebhookBody implements BatchBody<WebhookBody> {
  readonly #out: ByteWriter
  readonly #format: keyof typeof separators
  /** Where each message ends. */
  #ends = new Uint32Array(16)
  /** When the rows of large messages were committed, by the index of the message. */
  readonly #times = new Map<number, string>()
  count = 0
  /** The body is one resolved message, and nothing else. */
  isResolved = false

  constructor(format: keyof typeof separators, bytes = initialBytes) {
    this.#format = format
    this.#out = new ByteWriter(bytes)
  }

  get bytes(): number {
    return this.#out.length
  }

  get capacity(): number {
    return this.#out.buffer.length + this.#ends.byteLength
  }

  /** The messages, with separators between them. */
  get view(): Buffer {
    return this.#out.view()
  }

  /** Returns when the row of a message was committed; undefined: the message is small. */
  timeOf(message: number): string | undefined {
    return this.#times.get(message)
  }

  /** The key is not written: it is in the value. In JSON, a message without a key is a resolved message. */
  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number, time?: string): void {
    if (time !== undefined) this.#times.set(this.count, time)
    if (keyStart < 0 && this.#format === 'json') this.isResolved = true
    if (this.count > 0) this.#out.u8(separators[this.#format])
    if (valueEnd > keyEnd) this.#out.copy(bytes, keyEnd, valueEnd)
    if (this.count === this.#ends.length) this.#ends = grown(this.#ends)
    this.#ends[this.count] = this.#out.length
    this.count += 1
  }

  halves(): readonly [WebhookBody, WebhookBody] {
    const half = Math.floor(this.count / 2)
    const both = [new WebhookBody(this.#format, this.bytes), new WebhookBody(this.#format, this.bytes)] as const
    let start = 0
    for (let n = 0; n < this.count; n++) {
      const end = this.#ends[n] as number
      both[n < half ? 0 : 1].add(this.#out.buffer, start, start, end, this.#times.get(n))
      start = end + 1
    }
    return both
  }

  clear(): void {
    this.#out.clear()
    if (this.#times.size > 0) this.#times.clear()
    this.count = 0
    this.isResolved = false
  }
}
