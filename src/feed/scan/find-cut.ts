// Which timestamp a WAL position stands for: the cut of a scan, told in the log's own time.

import { record, type Changelog } from '../../changelog/changelog.ts'
import { lsnOf, timestampOf } from '../../changelog/records.ts'
import { prevHlc, type Hlc } from '../../core/hlc.ts'
import type { Lsn } from '../../core/lsn.ts'
import { ThreadShare } from '../share-thread.ts'

export interface FindCutOptions {
  readonly log: Changelog
  /** A head of the log from before the position existed. */
  readonly from: number
  readonly point: Lsn
  /** Asks ingest to close a timestamp at once, so that a quiet source need not be waited for. */
  readonly closeNow: () => void
  readonly signal: AbortSignal
}

/** The timestamp T with: a transaction is at or below T exactly when it committed before `point`. */
export async function findCut({ log, from, point, closeNow, signal }: FindCutOptions): Promise<Hlc> {
  using reader = log.readFrom(from)
  let last: Hlc | undefined
  let current: Hlc | undefined
  closeNow()
  const threadShare = new ThreadShare()
  for (;;) {
    // Only who lets others in hears that the feed was stopped.
    await threadShare.yieldIfDue()
    signal.throwIfAborted()
    const block = reader.next()
    if (block === undefined) {
      await reader.wait(signal)
      continue
    }
    if (block.position < from) continue
    if (block.open !== undefined && block.open.commitLsn >= point) return last ?? prevHlc(block.open.ts)
    if (block.endLsn < point) {
      last = block.resolved
      continue
    }
    const payload = block.payload()
    for (let at = 0; at < payload.length;) {
      const start = at + 4
      at = start + payload.readUInt32BE(at)
      const tag = payload[start]
      if (tag === record.begin) {
        current = timestampOf(payload, start)
        if (lsnOf(payload, start) >= point) return last ?? prevHlc(current)
      } else if (tag === record.commit) last = current ?? block.open?.ts
      else if (tag === record.closed) {
        last = timestampOf(payload, start)
        if (lsnOf(payload, start) >= point) return last
      }
    }
  }
}
