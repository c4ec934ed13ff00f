// Kafka's variable-length integers, and the short pieces beside them.

import type { ByteWriter } from '../../bytes/byte-writer.ts'

const mostInPlace = 60

export function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x200000) return 3
  return value < 0x10000000 ? 4 : 5
}

/** `value` is zigzagged and not negative. The caller has made room for it. */
export function writeVarint(out: ByteWriter, value: number): void {
  out.length = putVarint(out.buffer, out.length, value)
}

/** Writes a value as `writeVarint` does, and returns the offset after it. */
export function putVarint(to: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest >= 0x80) {
    to[at++] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 128)
  }
  to[at++] = rest
  return at
}

/** Copies `from[start, end)`, and returns the offset after it. Short runs are copied in place, because a call costs more. */
export function putShort(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
  const after = at + end - start
  if (end - start > mostInPlace) to.set(from.subarray(start, end), at)
  else for (let i = start, j = at; i < end; i++, j++) to[j] = from[i] as number
  return after
}

export function readVarint(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[cursor.at++] as number
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
}
