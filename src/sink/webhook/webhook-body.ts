// The messages of one batch as they stand in the body of a request, one after the other with a separator between them. A request
// with one batch is sent from here; the bodies of several lanes are joined into one request (write-request.ts).

import { ByteWriter } from '../../bytes/byte-writer.ts'
import { grown } from '../../bytes/grow.ts'
import { LargeTimes } from '../../core/large-times.ts'
import type { BatchBody, BatchLimits, LaneRows } from '../batching/lane-client.ts'

/** `csv-with-header`: the messages of a body have the same columns. */
export type BodyFormat = 'json' | 'csv' | 'csv-with-header'

export const separators: Readonly<Record<BodyFormat, number>> = { json: 0x2c, csv: 0x0a, 'csv-with-header': 0x0a }
/** What stands before the messages of a request, and after them. A resolved message stands alone. */
export const payloadHead = Buffer.from('{"payload":[')
const headOf: Readonly<Record<BodyFormat, Buffer>> = {
  json: payloadHead,
  csv: Buffer.alloc(0),
  'csv-with-header': Buffer.alloc(0),
}
/** What a body in JSON has beside the messages and the separators between them, at most. */
export const frameBytes = 12 + 11 + 10 + 1
/** Most bodies are small: a sink has many lanes. */
const initialBytes = 2 * 1024

export class WebhookBody implements BatchBody<WebhookBody> {
  /** What stands before the messages of a request, and the messages. */
  #out: ByteWriter
  readonly #format: BodyFormat
  readonly #head: Buffer
  /** Where each message ends. */
  #ends = new Uint32Array(16)
  /** When the rows of large messages were committed, by the index of the message. */
  readonly #times = new LargeTimes()
  count = 0
  schema: number | undefined
  /** The body is one resolved message, and nothing else. */
  isResolved = false

  constructor(format: BodyFormat, bytes = initialBytes) {
    this.#format = format
    this.#head = headOf[format]
    this.#out = new ByteWriter(bytes + frameBytes)
    this.#out.copy(this.#head)
  }

  get bytes(): number {
    return this.#out.length - this.#head.length
  }

  get capacity(): number {
    return this.#out.buffer.length + this.#ends.byteLength
  }

  /** The messages, with separators between them. */
  get view(): Buffer {
    return this.#out.buffer.subarray(this.#head.length, this.#out.length)
  }

  /** The body of a request that has these messages and no others, without names of columns. It is valid as long as `view`. */
  whole(): Buffer {
    if (this.#format !== 'json' || this.isResolved) return this.view
    const { length } = this.#out
    this.#out.latin1(payloadTail(this.count))
    const whole = this.#out.view()
    this.#out.length = length
    return whole
  }

  /** Continues with the memory that it is given for its own, which somebody may still read. */
  moveTo(exchange: (memory: ByteWriter) => ByteWriter): void {
    const from = this.#out
    const to = exchange(from)
    if (to === from) return
    to.clear()
    to.copy(from.view())
    this.#out = to
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

  /** Appends rows of a batch while they fit, as `add` does. */
  addRows(rows: LaneRows, first: number, { bytes, messages, overheadBytes = 0 }: BatchLimits): number {
    const { batch, next } = rows
    const { hasKeys, keyStarts, valueStarts, valueEnds, nilValues, schemas, largeTimes } = batch
    const from = batch.bytes.buffer
    const out = this.#out
    const format = this.#format
    const separator = separators[format]
    const mayDiffer = format === 'csv-with-header'
    if (!hasKeys && format === 'json') return first
    let { count } = this
    let payloadBytes = 0
    let at = out.length
    let row = first
    for (; row >= 0; row = next[row] as number) {
      const start = valueStarts[row] as number
      const end = nilValues[row] === 1 ? start : (valueEnds[row] as number)
      const payload = end - (hasKeys ? (keyStarts[row] as number) : start)
      const size = overheadBytes + payload
      if (at - this.#head.length + size > bytes || count >= messages || (mayDiffer && schemas[row] !== this.schema))
        break
      if (largeTimes.size > 0) {
        const time = largeTimes.get(row)
        if (time !== undefined) this.#times.set(count, time)
      }
      if (at + 1 + end - start > out.buffer.length) {
        out.length = at
        out.ensure(1 + end - start)
      }
      const to = out.buffer
      to[at++] = separator
      from.copy(to, at, start, end)
      at += end - start
      if (count === this.#ends.length) this.#ends = grown(this.#ends)
      this.#ends[count++] = at
      payloadBytes += payload
    }
    rows.payloadBytes += payloadBytes
    out.length = at
    this.count = count
    return row
  }

  halves(): readonly [WebhookBody, WebhookBody] {
    const half = Math.floor(this.count / 2)
    const both = [new WebhookBody(this.#format, this.bytes), new WebhookBody(this.#format, this.bytes)] as const
    let start = this.#head.length
    for (let n = 0; n < this.count; n++) {
      const end = this.#ends[n] as number
      both[n < half ? 0 : 1].add(this.#out.buffer, start, start, end, this.#times.get(n), this.schema)
      start = end + 1
    }
    return both
  }

  clear(): void {
    this.#out.clear()
    this.#out.copy(this.#head)
    this.#times.clear()
    this.count = 0
    this.schema = undefined
    this.isResolved = false
  }
}

export function payloadTail(count: number): string {
  return `],"length":${count}}`
}
