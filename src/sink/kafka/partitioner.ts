// Which partition a key belongs to: FNV-1a of the key's bytes, 32 bits, as a signed number; its remainder by the number of
// partitions, without the sign. CockroachDB (with sarama's hash partitioner) does the same, so a topic that it has written can be
// continued by us.

/** `bytes[start, end)` is the key. */
export function partitionOf(bytes: Uint8Array, start: number, end: number, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return Math.abs((hash | 0) % partitions)
}
