// Composite values: PostgreSQL prints `(1,"a b",)`; nothing between commas is NULL; inside quotes `""` and `\\`. JSON
// gets an object of the attributes, sorted by name.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { ValueWriter } from './value-writer.ts'

const nullBytes = Buffer.from('null')

export interface CompositeField {
  readonly name: string
  readonly write: ValueWriter
}

interface Place extends CompositeField {
  readonly index: number
  readonly prefix: Buffer
}

export function compositeWriter(fields: readonly CompositeField[]): ValueWriter {
  const places: Place[] = fields
    .map((field, index) => ({ ...field, index }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
    .map((field, i) => ({ ...field, prefix: Buffer.from(`${i === 0 ? '{' : ', '}${JSON.stringify(field.name)}: `) }))

  return (bytes: Buffer, start: number, end: number, out: ByteWriter): void => {
    const values = split(bytes, start, end)
    if (places.length === 0) out.u8(0x7b)
    for (const { index, prefix, write } of places) {
      out.copy(prefix)
      const text = values[index]
      if (text === undefined) out.copy(nullBytes)
      else write(text, 0, text.length, out)
    }
    out.u8(0x7d)
  }
}

/** Undefined: NULL. */
function split(bytes: Buffer, start: number, end: number): (Buffer | undefined)[] {
  if (bytes[start] !== 0x28 || bytes[end - 1] !== 0x29) throw malformed()
  const values: (Buffer | undefined)[] = []
  const last = end - 1
  let at = start + 1
  for (;;) {
    const text = Buffer.allocUnsafe(last - at)
    let length = 0
    let isNull = true
    let inQuotes = false
    for (; at < last; at++) {
      let byte = bytes[at] as number
      if (byte === 0x2c && !inQuotes) break
      isNull = false
      if (byte === 0x22) {
        if (!inQuotes || bytes[at + 1] !== 0x22) {
          inQuotes = !inQuotes
          continue
        }
        at += 1
      } else if (byte === 0x5c) byte = bytes[++at] as number
      text[length++] = byte
    }
    values.push(isNull ? undefined : text.subarray(0, length))
    if (at >= last) return values
    at += 1
  }
}

function malformed(): FeedError {
  return new FeedError('FEED_ROW', 'a composite value does not parse')
}
