// Finds the partition of a key: FNV-1a of the key's bytes, 32 bits, as a signed number; the remainder of this number by the
// number of partitions, without the sign. CockroachDB does the same (with the hash partitioner of sarama), so that we can
// continue a topic that CockroachDB has written.

import { fnv1a } from '../../bytes/fnv1a.ts'

/** `bytes[start, end)` is the key. */
export function partitionOf(bytes: Uint8Array, start: number, end: number, partitions: number): number {
  return Math.abs(fnv1a(bytes, start, end) % partitions)
}
