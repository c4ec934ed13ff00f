// Writes arrays. PostgreSQL prints `{1,NULL,"a b"}`, nested for more dimensions, and before it the bounds, `[0:1]=`, if a
// lower bound is not 1. A quoted element has `\` before `"` and `\`. The JSON is nested arrays, without the bounds.
//
//   array := [bounds =] list      list := { [item {, item}] }      item := list | NULL | bare | "quoted"

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { ValueWriter } from './write-value.ts'

const open = 0x7b
const close = 0x7d
const quote = 0x22
const backslash = 0x5c
const equals = 0x3d
const comma = Buffer.from(', ')
const nullBytes = Buffer.from('null')

export function arrayWriter(element: ValueWriter, delimiter: string): ValueWriter {
  const separator = delimiter.charCodeAt(0)

  /** `bytes[from]` is the opening brace. Returns the offset after the closing brace. PostgreSQL allows six dimensions. */
  const list = (bytes: Buffer, from: number, end: number, out: ByteWriter): number => {
    out.u8(0x5b)
    let at = from + 1
    if (bytes[at] !== close || at >= end) {
      for (;;) {
        at = item(bytes, at, end, out)
        if (at >= end) throw malformed()
        if (bytes[at] === close) break
        if (bytes[at] !== separator) throw malformed()
        out.copy(comma)
        at += 1
      }
    }
    out.u8(0x5d)
    return at + 1
  }

  const item = (bytes: Buffer, from: number, end: number, out: ByteWriter): number => {
    if (from >= end) throw malformed()
    if (bytes[from] === open) return list(bytes, from, end, out)
    if (bytes[from] === quote) return quoted(bytes, from, end, out)
    let at = from
    while (at < end && bytes[at] !== separator && bytes[at] !== close) at += 1
    if (isNull(bytes, from, at)) out.copy(nullBytes)
    else element(bytes, from, at, out)
    return at
  }

  const quoted = (bytes: Buffer, from: number, end: number, out: ByteWriter): number => {
    let hasEscape = false
    let at = from + 1
    while (at < end && bytes[at] !== quote) {
      if (bytes[at] === backslash) {
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
    let at = start
    // The bounds end with the first equals sign.
    if (bytes[at] !== open) {
      while (at < end && bytes[at] !== equals) at += 1
      at += 1
    }
    if (at >= end || bytes[at] !== open || list(bytes, at, end, out) !== end) throw malformed()
  }
}

/** An element NULL has no quotes; the text NULL has. */
function isNull(bytes: Buffer, from: number, to: number): boolean {
  return (
    to - from === 4 &&
    bytes[from] === 0x4e &&
    bytes[from + 1] === 0x55 &&
    bytes[from + 2] === 0x4c &&
    bytes[from + 3] === 0x4c
  )
}

function withoutEscapes(bytes: Buffer, start: number, end: number): Buffer {
  const plain = Buffer.allocUnsafe(end - start)
  let length = 0
  for (let at = start; at < end; at++) {
    if (bytes[at] === backslash) at += 1
    plain[length++] = bytes[at] as number
  }
  return plain.subarray(0, length)
}

function malformed(): FeedError {
  return new FeedError('FEED_ROW', 'an array value does not parse')
}
