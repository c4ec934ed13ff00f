// The phase after the boundary of a schema change that has given the rows of some tables other columns or values: all of their
// rows are emitted as of the schema change. Then the feed follows the log with the transaction that made the change.

import { compareHlc, prevHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { catchUp } from '../follow/following.ts'
import type { Feed, Phase } from '../phases.ts'
import { scanTables } from '../scan/scan-tables.ts'

export async function backfill(feed: Feed, { at, tables, scan }: Extract<Phase, { tag: 'backfill' }>): Promise<Phase> {
  const { delivery, run } = feed
  const before = prevHlc(at)
  delivery.startAt(before)
  let reached: Hlc
  try {
    const done = scan?.tables ?? []
    reached = await scanTables(feed, { reason: 'backfill', tables, at, isExact: false, done })
  } catch (error) {
    if (!isGone(error)) throw error
    // The feed ends where the log says the same, after what came before. Until then it must not resolve anything, because these
    // rows are missing.
    await catchUp(feed, { after: before, through: run.spec.endTime, readsAgain: false })
    throw error
  }
  if (compareHlc(reached, at) > 0) {
    await delivery.endScan(reached)
    return { tag: 'following', after: reached, from: undefined }
  }
  await delivery.save({ tag: 'following', highWater: before, passed: at })
  return { tag: 'following', after: before, from: undefined, passed: at }
}

/** Whether a table of the feed was dropped or truncated after the schema change, so that its rows cannot be read any more. */
function isGone(error: unknown): boolean {
  return error instanceof FeedError && (error.code === 'FEED_DROPPED' || error.code === 'FEED_TRUNCATED')
}
