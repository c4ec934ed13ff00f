// These byte sequences are UTF-8:
//
//   00–7F                          E0      A0–BF 80–BF        F0      90–BF 80–BF 80–BF
//   C2–DF 80–BF                    E1–EC   80–BF 80–BF        F1–F3   80–BF 80–BF 80–BF
//                                  ED      80–9F 80–BF        F4      80–8F 80–BF 80–BF
//                                  EE–EF   80–BF 80–BF

/** Returns the length of the sequence that starts at `at` with a byte of 0x80 or more; 0 if it is not UTF-8. */
export function utf8Length(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at] as number
  if (first < 0xc2 || first > 0xf4) return 0
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  if (at + length > end) return 0
  const second = bytes[at + 1] as number
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  for (let i = 2; i < length; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0
  return length
}
