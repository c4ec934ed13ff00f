// Timestamps, given once. PostgreSQL's commit times run backwards between concurrent transactions by microseconds; the
// log's must not, because a closed timestamp is a promise about everything behind it.

import { compareHlc, nextHlc, wallOfPgMicros, type Hlc } from '../core/hlc.ts'

/** The timestamp of a transaction: its commit time, or the next one after the last given. `commitMicros` since 2000. */
export function stampTransaction(last: Hlc, commitMicros: bigint): Hlc {
  const wall = wallOfPgMicros(commitMicros)
  return wall > last.wall ? { wall, logical: 0 } : nextHlc(last)
}

/** The timestamp that may be closed when everything the server had committed by its clock `serverMicros` is in the log. */
export function stampClosed(last: Hlc, serverMicros: bigint, targetMs: number): Hlc {
  const closed = { wall: wallOfPgMicros(serverMicros) - BigInt(Math.round(targetMs * 1e6)), logical: 0 }
  return compareHlc(closed, last) > 0 ? closed : last
}
