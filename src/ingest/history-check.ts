// Compares what the source sends of the log's past with what the log holds. A copy of a data folder has everything in common
// with its original, even the slot; only its later history is another one. So the source is asked to send the last
// transaction of the log once more. If it has the same position, id and time, all of the WAL before it is the same; and
// between it and the end of the log nothing may come that the log does not have.

import type { LastTransaction } from '../changelog/changelog.ts'
import { FeedError } from '../errors/feed-error.ts'
import { formatLsn, type Lsn } from '../core/lsn.ts'

export class HistoryCheck {
  readonly #last: LastTransaction
  /** End of the log at the start of the attempt. */
  readonly #end: Lsn
  /** The last transaction must still come. */
  #isAwaited: boolean
  #isChecked: boolean
  /** The position at which reading must start, so that everything to be compared comes. */
  readonly start: Lsn
  /** What was found if the source is not the one of the log. */
  difference: string | undefined

  /** `confirmed`: the slot's position, from which the source can send. */
  constructor(last: LastTransaction, end: Lsn, confirmed: Lsn) {
    this.#last = last
    this.#end = end
    this.#isAwaited = last.tag === 'transaction' && last.commitLsn >= confirmed
    this.#isChecked = last.tag === 'none' || confirmed >= end
    this.start = this.#isChecked ? end : last.tag === 'transaction' && this.#isAwaited ? last.commitLsn : confirmed
  }

  /** Everything up to the log's end has been compared. */
  get isChecked(): boolean {
    return this.#isChecked
  }

  /** Compares a transaction that begins. Throws if it is not the log's. */
  begin(commitLsn: Lsn, xid: number, commitMicros: bigint): void {
    if (this.#isChecked) return
    const last = this.#last
    if (commitLsn >= this.#end) this.passed(commitLsn)
    else if (last.tag === 'none' || commitLsn < last.commitLsn) return
    else if (commitLsn === last.commitLsn && xid === last.xid && commitMicros === last.commitMicros)
      this.#isAwaited = false
    else throw this.#differs(`transaction ${xid} at ${formatLsn(commitLsn)} is not the changelog's`)
  }

  /** To be called when every commit before `lsn` has come. */
  passed(lsn: Lsn): void {
    if (this.#isChecked || this.#last.tag === 'none') return
    if (this.#isAwaited && lsn > this.#last.commitLsn)
      throw this.#differs(
        `it does not have the changelog's transaction ${this.#last.xid} at ${formatLsn(this.#last.commitLsn)}`,
      )
    if (lsn >= this.#end) this.#isChecked = true
  }

  #differs(how: string): FeedError {
    this.difference = `this is a copy of the source, or another than the changelog was written from: ${how}`
    return new FeedError('FEED_SOURCE_REFUSED', this.difference)
  }
}
