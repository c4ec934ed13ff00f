// Writes the body of a request from the batches of some lanes:
//
//   rows in JSON  {"payload":[message,message,…],"length":count}
//   rows in CSV   line, newline, line, …; there is no newline after the last line, and with csv_header the names of the columns
//                 are the first line
//   resolved      {"resolved":"…"}

import { gzip, zstdCompress } from 'node:zlib'
import { promisify } from 'node:util'
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import type { PostBody } from './endpoint.ts'
import { bodyFormatOf, type WebhookSinkSpec } from './spec.ts'
import { frameBytes, payloadHead, payloadTail, separators, type WebhookBody } from './webhook-body.ts'

const compressors = { gzip: promisify(gzip), zstd: promisify(zstdCompress) } as const

export type HeaderOf = (schema: number) => Uint8Array | undefined

export interface RequestOptions {
  readonly spec: Pick<WebhookSinkSpec, 'format' | 'csvHeader' | 'compression'>
  /** Returns the names of the columns, of a request with `csv_header`. */
  readonly header: HeaderOf
}

/** The body of one request. */
export class RequestBody implements PostBody {
  readonly #bodies: readonly WebhookBody[]
  readonly #options: RequestOptions
  /** The request is sent from the memory of its only batch. */
  isInPlace = false
  /** Before compression, when it is written. */
  plain: Buffer = Buffer.alloc(0)
  sentBytes = 0

  constructor(bodies: readonly WebhookBody[], options: RequestOptions) {
    this.#bodies = bodies
    this.#options = options
  }

  async write(memory: ByteWriter): Promise<Buffer> {
    const { spec } = this.#options
    const [first] = this.#bodies as [WebhookBody]
    const isAlone = this.#bodies.length === 1 && spec.csvHeader !== true
    if (isAlone) this.plain = first.whole()
    else {
      this.#join(memory)
      this.plain = memory.view()
    }
    const sent = spec.compression === 'none' ? this.plain : await compressors[spec.compression](this.plain)
    this.isInPlace = isAlone && sent === this.plain
    this.sentBytes = sent.length
    return sent
  }

  moveTo(exchange: (memory: ByteWriter) => ByteWriter): void {
    this.#bodies[0]?.moveTo(exchange)
  }

  #join(out: ByteWriter): void {
    const { spec, header } = this.#options
    const format = bodyFormatOf(spec)
    const bodies = this.#bodies
    const [first] = bodies as [WebhookBody]
    if (format === 'json') out.copy(payloadHead)
    const line = format === 'csv-with-header' && first.schema !== undefined ? header(first.schema) : undefined
    if (line !== undefined) {
      out.copy(line)
      out.u8(separators[format])
    }
    out.ensure(bodies.reduce((sum, body) => sum + body.bytes + 1, frameBytes))
    let count = 0
    for (const [i, body] of bodies.entries()) {
      if (i > 0) out.u8(separators[format])
      out.copy(body.view)
      count += body.count
    }
    if (format === 'json') out.latin1(payloadTail(count))
  }
}

/** Returns the headers that describe the body. */
export function bodyHeaders({
  format,
  compression,
}: Pick<WebhookSinkSpec, 'format' | 'compression'>): Readonly<Record<string, string>> {
  const type = { 'content-type': format === 'csv' ? 'text/csv' : 'application/json' }
  return compression === 'none' ? type : { ...type, 'content-encoding': compression, 'accept-encoding': compression }
}
