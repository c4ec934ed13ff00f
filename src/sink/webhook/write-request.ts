// Writes the body of a request from the batches of some lanes:
//
//   rows in JSON  {"payload":[message,message,…],"length":count}
//   rows in CSV   line, newline, line, …; there is no newline after the last line, and with csv_header the names of the columns
//                 are the first line
//   resolved      {"resolved":"…"}

import { gzip, zstdCompress } from 'node:zlib'
import { promisify } from 'node:util'
import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { separators, type BodyFormat, type WebhookBody } from './webhook-body.ts'
import type { WebhookSinkSpec } from './spec.ts'

const head = Buffer.from('{"payload":[')
/** What a body in JSON has beside the messages and the separators between them, at most. */
export const frameBytes = 12 + 11 + 10 + 1

const compressors = { gzip: promisify(gzip), zstd: promisify(zstdCompress) } as const

export type HeaderOf = (schema: number) => Uint8Array | undefined

/** Appends the body to `out`. `header`: of `csv-with-header`. */
export function writeBody(
  { format, header }: { readonly format: BodyFormat; readonly header: HeaderOf },
  bodies: readonly WebhookBody[],
  out: ByteWriter,
): void {
  const [first] = bodies
  if (first === undefined) return
  const isPayload = format === 'json' && !first.isResolved
  if (isPayload) out.copy(head)
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
  if (isPayload) out.latin1(`],"length":${count}}`)
}

/** Returns the headers that describe the body. */
export function bodyHeaders({
  format,
  compression,
}: Pick<WebhookSinkSpec, 'format' | 'compression'>): Readonly<Record<string, string>> {
  const type = { 'content-type': format === 'csv' ? 'text/csv' : 'application/json' }
  return compression === 'none' ? type : { ...type, 'content-encoding': compression, 'accept-encoding': compression }
}

export function compressed(compression: WebhookSinkSpec['compression'], body: Buffer): Buffer | Promise<Buffer> {
  return compression === 'none' ? body : compressors[compression](body)
}
