// The transaction that a log holds last, by which a source proves that its history is the one of the log.

import type { Lsn } from '../../core/lsn.ts'
import { record } from '../changelog.ts'
import { commitMicrosOf, lsnOf, xidOf } from '../records.ts'

export type LastTransaction =
  | { readonly tag: 'transaction'; readonly commitLsn: Lsn; readonly xid: number; readonly commitMicros: bigint }
  /** The log is new, or goes on behind a gap: nothing of the source's past is in it. */
  | { readonly tag: 'none' }

/** Looks through the records of a block; undefined: it says nothing. */
export function findLast(payload: Buffer): LastTransaction | undefined {
  let begin = -1
  let isGap = false
  for (let at = 0; at < payload.length;) {
    const start = at + 4
    at = start + payload.readUInt32BE(at)
    const tag = payload[start]
    if (tag === record.begin) begin = start
    else if (tag === record.gap || tag === record.gapOf) {
      begin = -1
      isGap = true
    }
  }
  if (begin < 0) return isGap ? { tag: 'none' } : undefined
  return {
    tag: 'transaction',
    commitLsn: lsnOf(payload, begin),
    xid: xidOf(payload, begin),
    commitMicros: commitMicrosOf(payload, begin),
  }
}
