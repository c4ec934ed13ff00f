// json and jsonb values, inlined: `", "` and `": "` between, members sorted by the bytes of their keys, of equal keys the
// last, numbers as decimals. PostgreSQL sorts jsonb keys by length first, and json not at all.

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { decimalText } from './write-number.ts'
import { writeText } from './write-text.ts'

const comma = Buffer.from(', ')
const colon = Buffer.from(': ')

export function writeJson(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const next = value(bytes, start, end, out)
  if (blank(bytes, next, end) !== end) throw malformed()
}

/** Gives the offset behind the value. */
function value(bytes: Buffer, from: number, end: number, out: ByteWriter): number {
  const at = blank(bytes, from, end)
  switch (bytes[at]) {
    case 0x7b:
      return object(bytes, at, end, out)
    case 0x5b:
      return array(bytes, at, end, out)
    case 0x22:
      return string(bytes, at, end, out)
    default:
      return word(bytes, at, end, out)
  }
}

interface Member {
  /** The key's bytes as they were printed, quotes included. */
  readonly key: Buffer
  readonly from: number
  readonly to: number
}

function object(bytes: Buffer, from: number, end: number, out: ByteWriter): number {
  const base = out.length
  const members: Member[] = []
  let at = blank(bytes, from + 1, end)
  while (bytes[at] !== 0x7d) {
    if (members.length > 0) at = blank(bytes, expect(bytes, at, end, 0x2c), end)
    const start = out.length
    at = blank(bytes, string(bytes, at, end, out), end)
    const key = Buffer.from(out.buffer.subarray(start, out.length))
    out.copy(colon)
    at = blank(bytes, value(bytes, expect(bytes, at, end, 0x3a), end, out), end)
    members.push({ key, from: start, to: out.length })
    if (at >= end) throw malformed()
  }
  const printed = Buffer.from(out.buffer.subarray(base, out.length))
  out.length = base
  out.u8(0x7b)
  let isFirst = true
  const sorted = members.map((member, order) => ({ ...member, order })).sort((a, b) => compareKeys(a.key, b.key) || a.order - b.order)
  for (const [i, member] of sorted.entries()) {
    const following = sorted[i + 1]
    if (following !== undefined && following.key.equals(member.key)) continue
    if (!isFirst) out.copy(comma)
    isFirst = false
    out.copy(printed, member.from - base, member.to - base)
  }
  out.u8(0x7d)
  return at + 1
}

/** Without the quotes: `a` is before `a!`, though `"` is behind `!`. */
function compareKeys(a: Buffer, b: Buffer): number {
  return a.compare(b, 1, b.length - 1, 1, a.length - 1)
}

function array(bytes: Buffer, from: number, end: number, out: ByteWriter): number {
  out.u8(0x5b)
  let at = blank(bytes, from + 1, end)
  for (let i = 0; bytes[at] !== 0x5d; i++) {
    if (i > 0) {
      at = expect(bytes, at, end, 0x2c)
      out.copy(comma)
    }
    at = blank(bytes, value(bytes, at, end, out), end)
    if (at >= end) throw malformed()
  }
  out.u8(0x5d)
  return at + 1
}

function string(bytes: Buffer, from: number, end: number, out: ByteWriter): number {
  if (bytes[from] !== 0x22) throw malformed()
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
    const text = Buffer.from(JSON.parse(bytes.toString('utf8', from, at + 1)) as string)
    writeText(text, 0, text.length, out)
  } else out.copy(bytes, from, at + 1)
  return at + 1
}

/** A number, true, false or null. */
function word(bytes: Buffer, from: number, end: number, out: ByteWriter): number {
  let at = from
  let isPlain = true
  for (; at < end; at++) {
    const byte = bytes[at] as number
    if (byte === 0x2c || byte === 0x7d || byte === 0x5d || byte <= 0x20) break
    if (byte === 0x65 || byte === 0x45) isPlain = false
  }
  if (at === from) throw malformed()
  const first = bytes[from] as number
  const isNumber = first === 0x2d || (first >= 0x30 && first <= 0x39)
  // Without an exponent, only a long `0.000000…` can print otherwise than it is written.
  if (!isNumber || (isPlain && at - from < 9)) out.copy(bytes, from, at)
  else out.latin1(decimalText(bytes.toString('latin1', from, at), false))
  return at
}

function blank(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && (bytes[at] as number) <= 0x20) at++
  return at
}

function expect(bytes: Buffer, at: number, end: number, byte: number): number {
  if (at >= end || bytes[at] !== byte) throw malformed()
  return at + 1
}

function malformed(): FeedError {
  return new FeedError('FEED_ROW', 'a json value does not parse')
}
