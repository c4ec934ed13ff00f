// Finds the partition of a key: FNV-1a of the key's bytes, 32 bits, as a signed number; the remainder of this number by the
// number of partitions, without the sign. CockroachDB does the same (with the hash partitioner of sarama), so that we can
// continue a topic that CockroachDB has written.

/** `bytes[start, end)` is the key. */
export function partitionOf(bytes: Uint8Array, start: number, end: number, partitions: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return Math.abs((hash | 0) % partitions)
}
