// Writes composite values. PostgreSQL prints `(1,"a b",)`: NULL is nothing between commas, and the empty string is `""`.
// Inside quotes, `""` is one quote and `\\` is one backslash. The JSON is an object of the attributes, sorted by name.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { sortedMembers } from './members.ts'
import type { ValueWriter } from './write-value.ts'

const quote = 0x22
const comma = 0x2c
const backslash = 0x5c
const nullBytes = Buffer.from('null')

export interface CompositeField {
  readonly name: string
  readonly write: ValueWriter
}

/** `former`: the attributes that the type had before. Their number tells which ones a value has. */
export function compositeWriter(
  fields: readonly CompositeField[],
  former: readonly (readonly CompositeField[])[] = [],
): ValueWriter {
  const lists = [fields, ...former].map((list) =>
    sortedMembers(list.map(({ name, write }, index) => ({ name, index, write }))),
  )

  return (bytes: Buffer, start: number, end: number, out: ByteWriter): void => {
    const values = split(bytes, start, end)
    // PostgreSQL prints `()` both for a value without fields and for a value whose only field is NULL.
    const isEmpty = values.length === 1 && end - start === 2
    const members =
      lists.find((list) => list.length === values.length) ??
      (isEmpty ? lists.find((list) => list.length === 0) : undefined)
    if (members === undefined) throw otherFields(values.length, fields.length)
    if (members.length === 0) out.u8(0x7b)
    for (const { prefix, index, write } of members) {
      out.copy(prefix)
      const text = values[index]
      if (text === undefined) out.copy(nullBytes)
      else write(text, 0, text.length, out)
    }
    out.u8(0x7d)
  }
}

/** Returns the texts of the attributes; undefined for NULL. */
function split(bytes: Buffer, start: number, end: number): (Buffer | undefined)[] {
  if (end - start < 2 || bytes[start] !== 0x28 || bytes[end - 1] !== 0x29) throw malformed()
  const values: (Buffer | undefined)[] = []
  const last = end - 1
  for (let at = start + 1; ; at++) {
    const text = Buffer.allocUnsafe(last - at)
    const from = at
    let length = 0
    let inQuotes = false
    for (; at < last; at++) {
      const byte = bytes[at] as number
      if (byte === comma && !inQuotes) break
      if (byte === backslash) at += 1
      else if (byte === quote) {
        // Inside quotes, a quote before another quote escapes it. Any other quote opens or closes.
        const isDoubled = inQuotes && at + 1 < last && bytes[at + 1] === quote
        if (!isDoubled) {
          inQuotes = !inQuotes
          continue
        }
        at += 1
      }
      if (at >= last) throw malformed()
      text[length++] = bytes[at] as number
    }
    if (inQuotes) throw malformed()
    values.push(at === from ? undefined : text.subarray(0, length))
    if (at >= last) return values
  }
}

/** The type had other attributes when the value was written, and it is not known which field is which attribute. */
function otherFields(count: number, known: number): FeedError {
  const message = `a composite value has ${count} fields, and its type is known with ${known}`
  return new FeedError('FEED_ROW', message, {
    hint: 'the type was changed while rows were written with it; start the changefeed again with an initial scan',
  })
}

function malformed(): FeedError {
  return new FeedError('FEED_ROW', 'a composite value does not parse')
}
