// Arrays: PostgreSQL prints `{1,NULL,"a b"}`, nested for more dimensions, after `[0:1]=` when bounds are not the usual.
// A quoted element has `\` before `"` and `\`.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { ValueWriter } from './value-writer.ts'

const comma = Buffer.from(', ')
const nullBytes = Buffer.from('null')

export function arrayWriter(element: ValueWriter, delimiter: string): ValueWriter {
  const separator = delimiter.charCodeAt(0)

  const list = (bytes: Buffer, from: number, end: number, out: ByteWriter): number => {
    out.u8(0x5b)
    let at = from + 1
    for (let i = 0; ; i++) {
      if (at >= end) throw malformed()
      if (bytes[at] === 0x7d) break
      if (i > 0) {
        out.copy(comma)
        at += 1
      }
      const byte = bytes[at]
      if (byte === 0x7b) at = list(bytes, at, end, out)
      else if (byte === 0x22) at = quoted(bytes, at, end, out)
      else at = bare(bytes, at, end, out)
    }
    out.u8(0x5d)
    return at + 1
  }

  const bare = (bytes: Buffer, from: number, end: number, out: ByteWriter): number => {
    let at = from
    while (at < end && bytes[at] !== separator && bytes[at] !== 0x7d) at++
    const isNull = at - from === 4 && bytes.toString('latin1', from, at) === 'NULL'
    if (isNull) out.copy(nullBytes)
    else element(bytes, from, at, out)
    return at
  }

  const quoted = (bytes: Buffer, from: number, end: number, out: ByteWriter): number => {
    let hasEscape = false
    let at = from + 1
    while (at < end && bytes[at] !== 0x22) {
      if (bytes[at] === 0x5c) {
        hasEscape = true
        at += 1
      }
      at += 1
    }
    if (at >= end) throw malformed()
    if (hasEscape) {
      const plain = withoutEscapes(bytes, from + 1, at)
      element(plain, 0, plain.length, out)
    } else element(bytes, from + 1, at, out)
    return at + 1
  }

  return (bytes, start, end, out) => {
    const open = bytes[start] === 0x7b ? start : bytes.indexOf('={', start) + 1
    if (open < start || open >= end || bytes[open] !== 0x7b) throw malformed()
    list(bytes, open, end, out)
  }
}

function withoutEscapes(bytes: Buffer, start: number, end: number): Buffer {
  const plain = Buffer.allocUnsafe(end - start)
  let length = 0
  for (let at = start; at < end; at++) {
    if (bytes[at] === 0x5c) at += 1
    plain[length++] = bytes[at] as number
  }
  return plain.subarray(0, length)
}

function malformed(): FeedError {
  return new FeedError('FEED_ROW', 'an array value does not parse')
}
