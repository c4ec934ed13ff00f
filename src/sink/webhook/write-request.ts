// Writes the body of a request from the batches of some lanes:
//
//   rows in JSON  {"payload":[message,message,…],"length":count}
//   rows in CSV   line, newline, line, …; there is no newline after the last line, and with csv_header the names of the columns
//                 are the first line
//   resolved      {"resolved":"…"}

import { gzip, zstdCompress } from 'node:zlib'
import { promisify } from 'node:util'
import { separators, type BodyFormat, type WebhookBody } from './webhook-body.ts'
import type { WebhookSinkSpec } from './spec.ts'

const head = Buffer.from('{"payload":[')
/** What a body in JSON has beside the messages and the separators between them, at most. */
export const frameBytes = 12 + 11 + 10 + 1

const compressors = { gzip: promisify(gzip), zstd: promisify(zstdCompress) } as const

export type HeaderOf = (schema: number) => Uint8Array | undefined

/** Returns bytes that the batches do not share. `header`: of `csv-with-header`. */
export function writeBody(format: BodyFormat, bodies: readonly WebhookBody[], header: HeaderOf): Buffer {
  const [first] = bodies
  if (first?.isResolved === true) return Buffer.from(first.view)
  const separator = Buffer.of(separators[format])
  const parts = bodies.flatMap(({ view }, i) => (i === 0 ? [view] : [separator, view]))
  if (format !== 'json') {
    const line = format === 'csv' || first?.schema === undefined ? undefined : header(first.schema)
    return Buffer.concat(line === undefined ? parts : [line, separator, ...parts])
  }
  const count = bodies.reduce((sum, body) => sum + body.count, 0)
  return Buffer.concat([head, ...parts, Buffer.from(`],"length":${count}}`)])
}

/** Returns the headers that describe the body. */
export function bodyHeaders({
  format,
  compression,
}: Pick<WebhookSinkSpec, 'format' | 'compression'>): Readonly<Record<string, string>> {
  const type = { 'content-type': format === 'csv' ? 'text/csv' : 'application/json' }
  return compression === 'none' ? type : { ...type, 'content-encoding': compression, 'accept-encoding': compression }
}

export async function compressed(compression: WebhookSinkSpec['compression'], body: Buffer): Promise<Buffer> {
  return compression === 'none' ? body : compressors[compression](body)
}
