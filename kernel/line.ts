// Reads the lines of COPY in text format into an array of addresses, as src/decode/copy-text.ts does: values between tabs, `\N` for
// NULL, and escapes with a backslash, which are replaced in place. So a line can be read only once. What is not as it should be
// is left to the reference, which knows the errors.

import { BACKSLASH, GIVEN_UP, NEWLINE, TAB } from './bytes'
import { NULL } from './tuple'

/** Reads the line `[at, end)`, with or without its newline. Returns false if it does not have so many values. */
export function readLine(at: usize, end: usize, columns: u32, to: usize): bool {
  const last = end > at && load<u8>(end - 1) == NEWLINE ? end - 1 : end
  const lastValue = to + ((columns - 1) << 3)
  let start = at
  for (let block = at; block < last;) {
    const bytes = v128.load(block)
    let mask = i8x16.bitmask(v128.or(i8x16.eq(bytes, i8x16.splat(TAB)), i8x16.eq(bytes, i8x16.splat(BACKSLASH))))
    const left = <i32>(last - block)
    if (left < 16) mask &= (1 << left) - 1
    let next = block + 16
    while (mask != 0) {
      const byte = block + ctz(mask)
      mask &= mask - 1
      let after = byte
      if (load<u8>(byte) == TAB) {
        store<usize>(to, start)
        store<usize>(to, byte, 4)
      } else {
        after = readEscaped(start, byte, last, to)
        if (after == GIVEN_UP) return false
        if (after == last) return to == lastValue
        next = after + 1
        mask = 0
      }
      if (to == lastValue) return false
      to += 8
      start = after + 1
    }
    block = next
  }
  store<usize>(to, start)
  store<usize>(to, last, 4)
  return to == lastValue
}

/** Reads the value from `start` on, whose first backslash is given. Returns the address of the next tab, or the end of the line. */
function readEscaped(start: usize, backslash: usize, last: usize, to: usize): usize {
  if (start == backslash && backslash + 2 <= last && load<u8>(backslash + 1) == 0x4e) {
    const after = backslash + 2
    if (after == last || load<u8>(after) == TAB) {
      store<usize>(to, NULL)
      return after
    }
  }
  let read = backslash
  let write = backslash
  for (; read < last && load<u8>(read) != TAB; read++) {
    let byte = load<u8>(read)
    if (byte == BACKSLASH) {
      read += 1
      if (read == last) return GIVEN_UP
      byte = meaningOf(load<u8>(read))
    }
    store<u8>(write++, byte)
  }
  store<usize>(to, start)
  store<usize>(to, write, 4)
  return read
}

/** Returns what a byte after a backslash stands for. Most bytes stand for themselves. */
function meaningOf(byte: u8): u8 {
  if (byte == 0x6e) return 0x0a
  if (byte == 0x74) return 0x09
  if (byte == 0x72) return 0x0d
  if (byte == 0x62) return 0x08
  if (byte == 0x66) return 0x0c
  if (byte == 0x76) return 0x0b
  return byte
}
