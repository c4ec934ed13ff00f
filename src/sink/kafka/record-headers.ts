// The headers of Kafka's records, which are the same in every record of a feed.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { MessageHeader } from '../sink-facts.ts'
import { writeVarint } from './varint.ts'

/** The bytes at the end of each record when there are no headers: their count, 0. */
export const noHeaders: Uint8Array = Uint8Array.of(0)

/** Returns the bytes at the end of each record. */
export function recordHeaders(headers: readonly MessageHeader[]): Uint8Array {
  if (headers.length === 0) return noHeaders
  const out = new ByteWriter(256)
  const text = (value: string): void => {
    const bytes = Buffer.from(value)
    out.ensure(bytes.length + 5)
    writeVarint(out, bytes.length * 2)
    out.copy(bytes, 0, bytes.length)
  }
  out.ensure(5)
  writeVarint(out, headers.length * 2)
  for (const { name, value } of headers) {
    text(name)
    text(value)
  }
  return Uint8Array.from(out.view())
}
