// Writes values of json and jsonb, byte for byte as src/encode/json/write-json.ts does, which has the grammar.

import {
  AFTER_KEY,
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  GIVEN_UP,
  MINUS,
  OPEN_LIST,
  OPEN_OBJECT,
  POINT,
  QUOTE,
  SEPARATOR,
  ZERO,
  isDigit,
} from './bytes'
import { copyBytes } from './copy'
import { clearMembers, closeObject, deepest, endMember, openObject, startMember } from './json-members'
import { stringEnd, writeJsonString } from './json-string'
import { digitsOf, writeJsonNumber, writePlain } from './numbers'

/** `{"__crdb_json_null__": true}` */
const jsonNull: usize = memory.data<u8>([
  0x7b, 0x22, 0x5f, 0x5f, 0x63, 0x72, 0x64, 0x62, 0x5f, 0x6a, 0x73, 0x6f, 0x6e, 0x5f, 0x6e, 0x75, 0x6c, 0x6c, 0x5f,
  0x5f, 0x22, 0x3a, 0x20, 0x74, 0x72, 0x75, 0x65, 0x7d,
])
const jsonNullBytes: usize = 28
/** The open objects and arrays, outermost first: the number of an object, or -1 for an array. */
const containers: usize = memory.data(4 * 64)
/** How far the value is read. */
let at: usize = 0

export function writeJson(o: usize, start: usize, end: usize): usize {
  let depth: i32 = 0
  clearMembers()
  at = start
  for (;;) {
    // A value starts here.
    at = blank(at, end)
    const first: u8 = at < end ? load<u8>(at) : 0
    if (first == OPEN_OBJECT || first == OPEN_LIST) {
      if (depth == deepest) return GIVEN_UP
      const isObject = first == OPEN_OBJECT
      store<u8>(o++, first)
      store<i32>(containers + (depth++ << 2), isObject ? openObject(o) : -1)
      at = blank(at + 1, end)
      const next: u8 = at < end ? load<u8>(at) : 0
      if (next != (isObject ? CLOSE_OBJECT : CLOSE_LIST)) {
        if (isObject) o = writeKey(o, end)
        if (o == GIVEN_UP) return GIVEN_UP
        continue
      }
    } else if (first == QUOTE) {
      o = writeJsonString(o, at, end)
      at = stringEnd
    } else o = writeWord(o, end)
    if (o == GIVEN_UP) return GIVEN_UP

    // The value has ended, and perhaps the containers around it, too.
    for (;;) {
      at = blank(at, end)
      if (depth == 0) return at == end ? o : GIVEN_UP
      const next: u8 = at < end ? load<u8>(at++) : 0
      const object = load<i32>(containers + ((depth - 1) << 2))
      if (next == COMMA) {
        if (object >= 0) endMember(o)
        store<u16>(o, SEPARATOR)
        o += 2
        if (object >= 0) {
          at = blank(at, end)
          o = writeKey(o, end)
        }
        if (o == GIVEN_UP) return GIVEN_UP
        break
      }
      if (next != (object >= 0 ? CLOSE_OBJECT : CLOSE_LIST)) return GIVEN_UP
      depth -= 1
      if (object >= 0) o = closeObject(object, o)
      if (o == GIVEN_UP) return GIVEN_UP
      store<u8>(o++, next)
    }
  }
  // oxlint-disable-next-line no-unreachable -- the compiler of the kernel wants it
  return GIVEN_UP
}

/** As `writeJson`, but a JSON null, perhaps with blanks around it, is printed as an object. */
export function writeJsonNotNull(o: usize, start: usize, end: usize): usize {
  const from = blank(start, end)
  let to = end
  while (to > from && load<u8>(to - 1) <= 0x20) to -= 1
  if (to - from != 4 || load<u8>(from) != 0x6e) return writeJson(o, from, to)
  copyBytes(o, jsonNull, jsonNullBytes)
  return o + jsonNullBytes
}

/** Writes a key and its colon. */
function writeKey(o: usize, end: usize): usize {
  const start = o
  o = writeJsonString(o, at, end)
  if (o == GIVEN_UP) return GIVEN_UP
  at = blank(stringEnd, end)
  if (at >= end || load<u8>(at) != COLON || !startMember(start, o)) return GIVEN_UP
  at += 1
  store<u16>(o, AFTER_KEY)
  return o + 2
}

/** Writes a number, true, false or null. */
function writeWord(o: usize, end: usize): usize {
  const start = at
  const bytes = v128.load(start)
  const length = wordLength(bytes, end - start)
  if (length > 0 && isCopied(bytes, length)) {
    v128.store(o, bytes)
    at += length
    return o + length
  }
  for (; at < end; at++) {
    const byte = load<u8>(at)
    if (byte == COMMA || byte == CLOSE_OBJECT || byte == CLOSE_LIST || byte <= 0x20) break
  }
  if (at == start) return GIVEN_UP
  const first = load<u8>(start)
  return first == MINUS || isDigit(first) ? writeJsonNumber(o, start, at) : writePlain(o, start, at)
}

/** Returns how many of the bytes are the word, which is at the end of the value or before a comma, bracket, brace or blank; 0: it is empty or longer. */
function wordLength(bytes: v128, left: usize): i32 {
  const closes = v128.or(i8x16.eq(bytes, i8x16.splat(CLOSE_OBJECT)), i8x16.eq(bytes, i8x16.splat(CLOSE_LIST)))
  const separates = v128.or(i8x16.eq(bytes, i8x16.splat(COMMA)), i8x16.le_u(bytes, i8x16.splat(0x20)))
  const mask = i8x16.bitmask(v128.or(closes, separates)) | (left < 16 ? 1 << (<i32>left) : 0)
  return mask == 0 ? 0 : ctz(mask)
}

/** Whether the word is no number, or one without a power that does not begin with 0. */
function isCopied(bytes: v128, length: i32): bool {
  const first = i8x16.extract_lane_u(bytes, 0)
  const isNegative = first == MINUS
  if (!isNegative && !isDigit(first)) return true
  const digit = isNegative ? i8x16.extract_lane_u(bytes, 1) : first
  if (digit == ZERO && length > 1) return false
  const points = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(POINT)))
  const others = ~(digitsOf(bytes) | points) & ((1 << length) - 1)
  return others == (isNegative ? 1 : 0)
}

function blank(from: usize, end: usize): usize {
  let next = from
  while (next < end && load<u8>(next) <= 0x20) next++
  return next
}
