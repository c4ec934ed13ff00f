// json and jsonb values, inlined: `", "` and `": "` between, members sorted by the bytes of their keys, of equal keys the
// last, numbers as decimals. PostgreSQL sorts jsonb keys by length first, and json not at all.
//
//   value  := object | array | string | word          object := { [string : value {, string : value}] }
//   word   := number | true | false | null            array  := [ [value {, value}] ]
//
// Members are printed as they come; an object that turns out to be in another order is put right when it ends. One loop
// with a stack of its own: PostgreSQL takes documents nested deeper than a recursive reader may.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { grown } from '../../bytes/grow.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { MemberOrder } from './member-order.ts'
import { jsonStringEnd, writeJsonString } from './write-json-string.ts'
import type { NumberWriter } from './write-number.ts'
import type { ValueWriter } from './write-value.ts'

const openObject = 0x7b
const closeObject = 0x7d
const openArray = 0x5b
const closeArray = 0x5d
const comma = 0x2c
const colon = 0x3a
const quote = 0x22
const minus = 0x2d
const space = 0x20

/** Belongs to one encoder, for it keeps what it knows of the value that it writes. */
export class JsonWriter {
  /** The open containers, outermost first: for an object its place in `#members`, for an array -1. */
  #containers = new Int32Array(64)
  /** What the open objects have printed. */
  readonly #members = new MemberOrder()
  readonly #numbers: NumberWriter

  constructor(numbers: NumberWriter) {
    this.#numbers = numbers
  }

  readonly write: ValueWriter = (bytes, start, end, out) => {
    const members = this.#members
    let containers = this.#containers
    let depth = 0
    members.clear()
    let at = start
    for (;;) {
      // A value starts here.
      at = blank(bytes, at, end)
      const first = at < end ? (bytes[at] as number) : 0
      if (first === openObject || first === openArray) {
        if (depth === containers.length) containers = this.#containers = grown(containers)
        out.u8(first)
        containers[depth++] = first === openObject ? members.open(out.length) : -1
        at = blank(bytes, at + 1, end)
        const next = at < end ? (bytes[at] as number) : 0
        if (next !== (first === openObject ? closeObject : closeArray)) {
          if (first === openObject) at = this.#key(bytes, at, end, out)
          continue
        }
      } else if (first === quote) at = string(bytes, at, end, out)
      else at = this.#word(bytes, at, end, out)

      // It has ended, and with it perhaps what it is in.
      for (;;) {
        at = blank(bytes, at, end)
        if (depth === 0) {
          if (at !== end) throw malformed()
          return
        }
        const next = at < end ? (bytes[at++] as number) : 0
        const isObject = (containers[depth - 1] as number) >= 0
        if (next === comma) {
          if (isObject) members.endMember(out.length)
          separate(out)
          if (isObject) at = this.#key(bytes, blank(bytes, at, end), end, out)
          break
        }
        if (next !== (isObject ? closeObject : closeArray)) throw malformed()
        depth -= 1
        if (isObject) members.close(containers[depth] as number, out)
        out.u8(next)
      }
    }
  }

  /** A key and its colon; returns the offset behind. */
  #key(bytes: Buffer, from: number, end: number, out: ByteWriter): number {
    const start = out.length
    const at = blank(bytes, string(bytes, from, end, out), end)
    if (at >= end || bytes[at] !== colon) throw malformed()
    this.#members.startMember(out, start)
    out.ensure(2)
    out.buffer[out.length++] = colon
    out.buffer[out.length++] = space
    return at + 1
  }

  /** A number, true, false or null. */
  #word(bytes: Buffer, from: number, end: number, out: ByteWriter): number {
    let at = from
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte === comma || byte === closeObject || byte === closeArray || byte <= space) break
    }
    if (at === from) throw malformed()
    const first = bytes[from] as number
    if (first === minus || (first >= 0x30 && first <= 0x39)) this.#numbers.json(bytes, from, at, out)
    else out.copy(bytes, from, at)
    return at
  }
}

function string(bytes: Buffer, from: number, end: number, out: ByteWriter): number {
  const close = from < end && bytes[from] === quote ? jsonStringEnd(bytes, from, end) : -1
  if (close < 0) throw malformed()
  writeJsonString(bytes, from, close, out)
  return close
}

function separate(out: ByteWriter): void {
  out.ensure(2)
  out.buffer[out.length++] = comma
  out.buffer[out.length++] = space
}

function blank(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && (bytes[at] as number) <= space) at++
  return at
}

function malformed(): FeedError {
  return new FeedError('FEED_ROW', 'a json value does not parse')
}
