// Small numbers in the hybrid of Parquet: a run of one number, or groups of 8 numbers whose bits follow each other.

import type { ByteWriter } from '../../../../bytes/byte-writer.ts'

/** Appends `numbers[0, count)`, none of which has more than `width` bits. */
export function writeHybrid(numbers: Uint8Array | Uint16Array, count: number, width: number, out: ByteWriter): void {
  if (count === 0) return
  if (isRun(numbers, count)) {
    varint(count * 2, out)
    const first = numbers[0] as number
    for (let shift = 0; shift < width; shift += 8) out.u8((first >>> shift) & 0xff)
    return
  }
  const groups = Math.ceil(count / 8)
  varint(groups * 2 + 1, out)
  out.ensure(groups * width)
  const { buffer } = out
  let at = out.length
  let bits = 0
  let held = 0
  for (let i = 0; i < groups * 8; i++) {
    // The last group is filled up with zeros.
    if (i < count) bits |= (numbers[i] as number) << held
    for (held += width; held >= 8; held -= 8) {
      buffer[at++] = bits & 0xff
      bits >>>= 8
    }
  }
  out.length = at
}

function isRun(numbers: Uint8Array | Uint16Array, count: number): boolean {
  for (let i = 1; i < count; i++) if (numbers[i] !== numbers[0]) return false
  return true
}

function varint(number: number, out: ByteWriter): void {
  let rest = number
  for (; rest > 127; rest >>>= 7) out.u8((rest & 0x7f) | 0x80)
  out.u8(rest)
}
