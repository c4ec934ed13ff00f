// Finds the last transaction of a log.

import type { LastTransaction } from '../changelog.ts'
import { commitMicrosOf, lengthBytes, lsnOf, ownXid, record, recordEnd, xidOf } from '../records.ts'

/** The last transaction that begins in a block; undefined: the block has neither a transaction nor a gap. */
export function findLast(payload: Buffer): LastTransaction | undefined {
  let begin = -1
  let isGap = false
  for (let at = 0; at < payload.length;) {
    const start = at + lengthBytes
    at = recordEnd(payload, start)
    const tag = payload[start]
    // A description that came without rows is a transaction of ours, which the source does not have.
    if (tag === record.begin && xidOf(payload, start) !== ownXid) begin = start
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
