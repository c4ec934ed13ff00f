// Truncate: 'T' u32 relations, u8 options (1: cascade, 2: restart identity), u32 relation each

import { FeedError } from '../../errors/feed-error.ts'

export function readTruncate(bytes: Buffer, at: number, end: number): number[] {
  const count = at + 6 <= end ? bytes.readUInt32BE(at + 1) : undefined
  if (count === undefined || at + 6 + 4 * count !== end) {
    throw new FeedError('FEED_DECODE', 'a truncate message of the wrong length')
  }
  return Array.from({ length: count }, (_, i) => bytes.readUInt32BE(at + 6 + 4 * i))
}
