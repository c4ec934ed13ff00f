// Gives transactions their timestamps, once. PostgreSQL's commit times run backwards by microseconds between concurrent
// transactions, by more when somebody sets the clock, and a replication origin gives any time it likes. Timestamps of the log
// must not run backwards, because a closed timestamp is a promise about everything after it. The rule:
//
//   transaction   max(last + 1, min(its commit time, the source's clock when it arrives))
//   closed        max(last, the source's clock - target); last + 1 if the clock is before the last timestamp
//
// So the log is ahead of the source's clock only if that clock was set back. No commit time can bring it ahead.

import { compareHlc, nextHlc, wallOfPgMicros, type Hlc } from '../core/hlc.ts'

/** `commitMicros` and `clockMicros` (when it arrives, on the server's clock) since 2000. */
export function stampTransaction(last: Hlc, commitMicros: bigint, clockMicros: bigint): Hlc {
  const wall = wallOfPgMicros(commitMicros < clockMicros ? commitMicros : clockMicros)
  return wall > last.wall ? { wall, logical: 0 } : nextHlc(last)
}

/** The timestamp that may be closed when everything the server had committed by its clock `serverMicros` is in the log. */
export function stampClosed(last: Hlc, serverMicros: bigint, targetMs: number): Hlc {
  const now = wallOfPgMicros(serverMicros)
  // Otherwise a clock that was set back by an hour would close nothing for an hour.
  if (now < last.wall) return nextHlc(last)
  const closed = { wall: now - BigInt(Math.round(targetMs * 1e6)), logical: 0 }
  return compareHlc(closed, last) > 0 ? closed : last
}
