// Writes arrays, byte for byte as src/encode/json/write-array.ts does, which has the grammar.

import {
  BACKSLASH,
  CLOSE_LIST,
  CLOSE_OBJECT,
  EQUALS,
  GIVEN_UP,
  NULL_WORD,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  SEPARATOR,
  SQL_NULL,
} from './bytes'
import { copyBytes, find } from './copy'
import { writeText } from './text'
import { writeScalar } from './scalars'
import { inputBytes, scratchAt } from '../src/encode/json/kernel/layout'

/** PostgreSQL allows six dimensions. */
const mostDimensions: i32 = 8

let element: u8 = 0
let delimiter: u8 = 0
/** How far the array is read. */
let at: usize = 0

export function writeArray(o: usize, start: usize, end: usize, ofElement: u8, separator: u8): usize {
  element = ofElement
  delimiter = separator
  if (start == end) return GIVEN_UP
  at = start
  // The bounds end with the first equals sign.
  if (load<u8>(at) != OPEN_OBJECT) at = find(EQUALS, at, end) + 1
  if (at >= end || load<u8>(at) != OPEN_OBJECT) return GIVEN_UP
  o = writeList(o, end, 1)
  return at == end ? o : GIVEN_UP
}

/** As `writeArray`, but as text if the array has bounds. */
export function writeKeyArray(o: usize, start: usize, end: usize, ofElement: u8, separator: u8): usize {
  if (start < end && load<u8>(start) == OPEN_LIST) return writeText(o, start, end)
  return writeArray(o, start, end, ofElement, separator)
}

/** The opening brace is at `at`. */
function writeList(o: usize, end: usize, depth: i32): usize {
  if (depth > mostDimensions) return GIVEN_UP
  store<u8>(o++, OPEN_LIST)
  at += 1
  if (at >= end || load<u8>(at) != CLOSE_OBJECT) {
    for (;;) {
      o = writeItem(o, end, depth)
      if (o == GIVEN_UP || at >= end) return GIVEN_UP
      const byte = load<u8>(at)
      if (byte == CLOSE_OBJECT) break
      if (byte != delimiter) return GIVEN_UP
      store<u16>(o, SEPARATOR)
      o += 2
      at += 1
    }
  }
  at += 1
  store<u8>(o, CLOSE_LIST)
  return o + 1
}

function writeItem(o: usize, end: usize, depth: i32): usize {
  if (at >= end) return GIVEN_UP
  const first = load<u8>(at)
  if (first == OPEN_OBJECT) return writeList(o, end, depth + 1)
  if (first == QUOTE) return writeQuotedItem(o, end)
  const start = at
  for (; at < end; at++) {
    const byte = load<u8>(at)
    if (byte == delimiter || byte == CLOSE_OBJECT) break
  }
  // An element NULL has no quotes; the text NULL has.
  if (at - start == 4 && load<u32>(start) == SQL_NULL) {
    store<u32>(o, NULL_WORD)
    return o + 4
  }
  return writeScalar(element, o, start, at)
}

function writeQuotedItem(o: usize, end: usize): usize {
  const start = at + 1
  let hasEscape = false
  at = start
  while (at < end && load<u8>(at) != QUOTE) {
    if (load<u8>(at) == BACKSLASH) {
      hasEscape = true
      at += 1
    }
    at += 1
  }
  if (at >= end) return GIVEN_UP
  const last = at++
  if (!hasEscape) return writeScalar(element, o, start, last)
  return last - start > <usize>inputBytes ? GIVEN_UP : writeScalar(element, o, scratchAt, withoutEscapes(start, last))
}

/** Copies an element without its backslashes, and returns the end of the copy. */
function withoutEscapes(start: usize, end: usize): usize {
  let to: usize = scratchAt
  let from = start
  while (from < end) {
    const escape = find(BACKSLASH, from, end)
    copyBytes(to, from, escape - from)
    to += escape - from
    if (escape == end) break
    store<u8>(to++, load<u8>(escape + 1))
    from = escape + 2
  }
  return to
}
