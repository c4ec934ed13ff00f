// Writes bit and varbit as CockroachDB does: an array of longs, of which the first is the number of bits that the last word
// uses, and the others are words of 64 bits, filled from the highest bit on. B'010' is [3, 4611686018427387904].
//
//   array := count, items, 0

import type { ByteWriter } from '../../bytes/byte-writer.ts'
import { branch, malformed } from './value-writer.ts'
import { writeLong, writeWord } from './write-long.ts'

const zero = 0x30
const wordBits = 64

export function writeBits(bytes: Buffer, start: number, end: number, out: ByteWriter): void {
  const words = Math.ceil((end - start) / wordBits)
  out.u8(branch.first)
  writeLong(words + 1, out)
  writeLong(words === 0 ? 0 : end - start - (words - 1) * wordBits, out)
  for (let word = 0; word < words; word++) {
    const from = start + word * wordBits
    out.ensure(10)
    writeWord(half(bytes, from, end), half(bytes, from + wordBits / 2, end), out)
  }
  out.u8(0)
}

function half(bytes: Buffer, from: number, end: number): number {
  let value = 0
  for (let i = 0; i < wordBits / 2; i++) {
    const bit = from + i < end ? (bytes[from + i] as number) - zero : 0
    if (bit !== 0 && bit !== 1) throw malformed('bit')
    value = value * 2 + bit
  }
  return value
}
