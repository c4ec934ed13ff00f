// The messages of one batch as they stand in the body of a request, one after the other with a separator between them. Bodies
// of several lanes are joined into one request (write-request.ts).

import { ByteWriter } from '../../bytes/byte-writer.ts'
import { grown } from '../../bytes/grow.ts'
import type { BatchBody } from '../batching/lane-client.ts'

/** `csv-with-header`: the messages of a body have the same columns. */
export type BodyFormat = 'json' | 'csv' | 'csv-with-header'

export const separators: Readonly<Record<BodyFormat, number>> = { json: 0x2c, csv: 0x0a, 'csv-with-header': 0x0a }
/** Most bodies are small: a sink has many lanes. */
const initialBytes = 2 * 1024

export class WebhookBody implements BatchBody<WebhookBody> {
  readonly #out: ByteWriter
  readonly #format: BodyFormat
  /** Where each message ends. */
  #ends = new Uint32Array(16)
  /** When the rows of large messages were committed, by the index of the message. */
  readonly #times = new Map<number, string>()
  count = 0
  schema: number | undefined
  /** The body is one resolved message, and nothing else. */
  isResolved = false

  constructor(format: BodyFormat, bytes = initialBytes) {
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
  add(bytes: Uint8Array, keyStart: number, keyEnd: number, valueEnd: number, time?: string, schema?: number): void {
    if (time !== undefined) this.#times.set(this.count, time)
    if (this.#format === 'csv-with-header') this.schema = schema
    else if (keyStart < 0 && this.#format === 'json') this.isResolved = true
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
      both[n < half ? 0 : 1].add(this.#out.buffer, start, start, end, this.#times.get(n), this.schema)
      start = end + 1
    }
    return both
  }

  clear(): void {
    this.#out.clear()
    if (this.#times.size > 0) this.#times.clear()
    this.count = 0
    this.schema = undefined
    this.isResolved = false
  }
}
