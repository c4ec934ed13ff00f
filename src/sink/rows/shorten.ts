// A long key or value for a client that has asked for short ones: what fits, a line break, and how many bytes are missing.

/** Returns the bytes `[start, end)` of `source` as they are if there are not more of them than `most`. */
export function shortened(source: Buffer, start: number, end: number, most: number): Buffer {
  if (end - start <= most) return source.subarray(start, end)
  let to = start + most
  // A character of several bytes is not cut in two: its further bytes begin with the bits 10.
  while (to > start && ((source[to] as number) & 0xc0) === 0x80) to -= 1
  return Buffer.concat([source.subarray(start, to), Buffer.from(`\n${end - to}`)])
}
