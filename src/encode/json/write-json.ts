// Writes values of json and jsonb as part of a message: with `", "` and `": "` in between, with the members of objects sorted
// by the bytes of their keys, with only the last of several members with the same key, and with numbers as decimals.
// PostgreSQL sorts the keys of jsonb by their length first, and does not sort those of json.
//
//   value  := object | array | string | word          object := { [string : value {, string : value}] }
//   word   := number | true | false | null            array  := [ [value {, value}] ]
//
// Members are printed as they are read. An object whose members are not in order is sorted when it ends. The reader is a loop
// with a stack, because PostgreSQL accepts documents that are nested too deeply for a recursive function.

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

/** An instance belongs to one encoder, because it has the state of the value that it writes. */
export class JsonWriter {
  /** The open objects and arrays, outermost first: the number of an object in `#members`, or -1 for an array. */
  #containers = new Int32Array(64)
  /** The members of the open objects that have been printed. */
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

      // The value has ended, and perhaps the containers around it, too.
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

  /** Writes a key and its colon; returns the offset after the colon that was read. */
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

  /** Writes a number, true, false or null; returns the offset after it. */
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
