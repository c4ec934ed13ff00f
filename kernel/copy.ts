// Copies and searches 16 bytes at a time. Both may touch up to 15 bytes after the end, for which every region has room.

/** More bytes than this are copied by one instruction. */
const manyBytes: usize = 128

export function copyBytes(to: usize, from: usize, length: usize): void {
  if (length > manyBytes) {
    memory.copy(to, from, length)
    return
  }
  v128.store(to, v128.load(from))
  for (let i: usize = 16; i < length; i += 16) v128.store(to + i, v128.load(from + i))
}

/** Returns the address of the first such byte; `end` if there is none. */
export function find(byte: u8, from: usize, end: usize): usize {
  const wanted = i8x16.splat(byte)
  for (let at = from; at < end; at += 16) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(at), wanted))
    if (mask != 0) {
      const found = at + ctz(mask)
      return found < end ? found : end
    }
  }
  return end
}
