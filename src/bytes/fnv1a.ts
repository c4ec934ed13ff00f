// The hash FNV-1a with 32 bits, by which sinks choose where a key belongs.

/** Returns the hash of `bytes[start, end)` as a signed number. */
export function fnv1a(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash | 0
}
