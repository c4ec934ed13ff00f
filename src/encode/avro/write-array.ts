// Writes arrays. PostgreSQL prints `{1,NULL,"a b"}`, nested for more dimensions, and before it the bounds, `[0:1]=`, if a
// lower bound is not 1. A quoted element has `\` before `"` and `\`. Avro has the number of items, the items, and 0; an
// empty array is 0. There is no Avro type for arrays of any number of dimensions, so an array with several is refused.
//
//   array := [bounds =] { [item {, item}] }      item := NULL | bare | "quoted"

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { branch, columnPlace, malformed, refusedItem, refusedValue, type ValueWriter } from './value-writer.ts'
import { writeLong } from './write-long.ts'

const open = 0x7b
const close = 0x7d
const quote = 0x22
const backslash = 0x5c
const equals = 0x3d

/** `keepsBounds`: the array is part of a key, where values that are not equal must be different bytes. */
export function arrayWriter(element: ValueWriter, delimiter: string, keepsBounds: boolean): ValueWriter {
  const separator = delimiter.charCodeAt(0)
  /** An element without its escapes. */
  let plain = Buffer.alloc(0)

  const quoted = (bytes: Buffer, from: number, to: number, out: ByteWriter): void => {
    let escaped = from
    while (escaped < to && bytes[escaped] !== backslash) escaped += 1
    if (escaped === to) return element(bytes, from, to, out)
    if (plain.length < to - from) plain = Buffer.allocUnsafeSlow(to - from)
    let length = 0
    for (let at = from; at < to; at++) {
      if (bytes[at] === backslash) at += 1
      plain[length++] = bytes[at] as number
    }
    element(plain, 0, length, out)
    if (plain.length > 1024 * 1024) plain = Buffer.alloc(0)
  }

  return (bytes, start, end, out) => {
    let at = start
    if (bytes[at] !== open) {
      // The bounds end with the first equals sign.
      while (at < end && bytes[at] !== equals) at += 1
      at += 1
      if (keepsBounds) throw otherBounds()
    }
    const count = countItems(bytes, at, end, separator)
    out.u8(branch.first)
    if (count === 0) return out.u8(0)
    writeLong(count, out)
    try {
      for (let i = 0; i < count; i++) {
        at += 1
        const to = itemEnd(bytes, at, end, separator)
        if (bytes[at] === quote) quoted(bytes, at + 1, to - 1, out)
        else if (isNull(bytes, at, to)) out.u8(branch.null)
        else element(bytes, at, to, out)
        at = to
      }
    } catch (error) {
      throw refusedItem(error)
    }
    out.u8(0)
  }
}

/** `bytes[from]` is the opening brace. */
function countItems(bytes: Buffer, from: number, end: number, separator: number): number {
  if (end - from < 2 || bytes[from] !== open || bytes[end - 1] !== close) throw malformed('array')
  if (end - from === 2) return 0
  let count = 0
  let at = from
  do {
    at = itemEnd(bytes, at + 1, end, separator)
    count += 1
  } while (bytes[at] === separator)
  if (at !== end - 1) throw malformed('array')
  return count
}

/** Returns the offset after the item at `from`: that of a separator or of the closing brace. */
function itemEnd(bytes: Buffer, from: number, end: number, separator: number): number {
  let at = from
  if (bytes[at] === open) throw severalDimensions()
  if (bytes[at] === quote) {
    at += 1
    while (at < end && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1
    at += 1
    if (at >= end || (bytes[at] !== separator && bytes[at] !== close)) throw malformed('array')
    return at
  }
  while (at < end && bytes[at] !== separator && bytes[at] !== close) at += 1
  if (at >= end || at === from) throw malformed('array')
  return at
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

function severalDimensions(): Error {
  return refusedValue('array with several dimensions not supported with avro', `array_ndims(${columnPlace}) > 1`)
}

function otherBounds(): Error {
  return refusedValue(
    'array with a lower bound other than 1 not supported in a key with avro',
    `array_lower(${columnPlace}, 1) <> 1`,
  )
}
