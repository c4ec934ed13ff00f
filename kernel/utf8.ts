// UTF-8, as src/bytes/utf8.ts knows it, and characters by their code.

/** Returns the length of the sequence that starts at `at` with a byte of 0x80 or more; 0 if it is not UTF-8. */
export function utf8Length(at: usize, end: usize): usize {
  const first = load<u8>(at)
  if (first < 0xc2 || first > 0xf4) return 0
  const length: usize = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  if (at + length > end) return 0
  const second = load<u8>(at + 1)
  const low: u8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80
  const high: u8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  for (let i: usize = 2; i < length; i++) if ((load<u8>(at + i) & 0xc0) != 0x80) return 0
  return length
}

/** Writes the sequence of a code of 0x80 or more that is no surrogate. */
export function writeCode(o: usize, code: u32): usize {
  if (code < 0x800) {
    store<u8>(o, 0xc0 | (code >> 6))
    store<u8>(o + 1, 0x80 | (code & 0x3f))
    return o + 2
  }
  if (code < 0x10000) store<u8>(o++, 0xe0 | (code >> 12))
  else {
    store<u8>(o++, 0xf0 | (code >> 18))
    store<u8>(o++, 0x80 | ((code >> 12) & 0x3f))
  }
  store<u8>(o, 0x80 | ((code >> 6) & 0x3f))
  store<u8>(o + 1, 0x80 | (code & 0x3f))
  return o + 2
}
