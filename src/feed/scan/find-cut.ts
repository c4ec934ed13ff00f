// Finds the timestamp for the WAL position of a cut.
//
// A gap may jump over the position: when a slot was lost, and the new one begins behind the cut. Changes between the two are neither
// in the cut nor in the log, and no timestamp would be right: a feed that starts at the end of the gap does not hear of it.

import type { Changelog, Position } from '../../changelog/changelog.ts'
import { lengthBytes, lsnOf, readGap, record, recordEnd, timestampOf } from '../../changelog/records.ts'
import { prevHlc, type Hlc } from '../../core/hlc.ts'
import type { Lsn } from '../../core/lsn.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { AwaitedBlocks } from './awaited-blocks.ts'

export interface FindCutOptions {
  readonly log: Changelog
  /** A head of the log from before `point`. */
  readonly from: Position
  readonly point: Lsn
  readonly signal: AbortSignal
}

/** Throws if a gap jumps over the position. Returns the timestamp T for which this is true: a transaction is at or below T if and only if it committed before `point`. */
export async function findCut({ log, from, point, signal }: FindCutOptions): Promise<Hlc> {
  let last: Hlc | undefined
  let current: Hlc | undefined
  /** Why changes are missing between the last position and the next one. */
  let gap: string | undefined
  using blocks = new AwaitedBlocks({ log, from, signal })
  for (;;) {
    const block = await blocks.next()
    if (block.open !== undefined && block.open.commitLsn >= point) return last ?? prevHlc(block.open.ts)
    if (block.endLsn < point) {
      last = block.resolved
      gap = undefined
      continue
    }
    const payload = block.payload()
    for (let at = 0; at < payload.length;) {
      const start = at + lengthBytes
      at = recordEnd(payload, start)
      const tag = payload[start]
      if (tag === record.begin) {
        current = timestampOf(payload, start)
        if (lsnOf(payload, start) >= point) {
          if (gap !== undefined) throw jumpedOver(gap)
          return last ?? prevHlc(current)
        }
        gap = undefined
      } else if (tag === record.commit) last = current ?? block.open?.ts
      else if (tag === record.closed) {
        last = timestampOf(payload, start)
        if (gap !== undefined && lsnOf(payload, start) > point) throw jumpedOver(gap)
        if (lsnOf(payload, start) >= point) return last
        gap = undefined
      } else if (tag === record.gap || tag === record.gapOf) gap ??= readGap(payload, start, at)?.reason
    }
  }
}

/** The next cut is behind the gap. */
function jumpedOver(reason: string): FeedError {
  return new FeedError(
    'FEED_SOURCE_DOWN',
    `the snapshot of a scan is from before a gap of the changelog, and is not used: ${reason}`,
    { hint: 'try again' },
  )
}
