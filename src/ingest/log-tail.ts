// Is what the source sends of the log's past what the log holds? A copy of the data folder has everything in common with
// its original, also the slot; only its history is another one from the copy on. So the source is asked to send the last
// transaction of the log once more. When it comes with the same position, id and time, all of the WAL before it is the
// same; and behind it, up to the end of the log, nothing may come that the log does not have.

import type { LastTransaction } from '../changelog/changelog.ts'
import { FeedError } from '../errors/feed-error.ts'
import { formatLsn, type Lsn } from '../core/lsn.ts'

export class LogTail {
  readonly #last: LastTransaction
  /** End of the log at the start of the attempt. */
  readonly #end: Lsn
  /** The last transaction must come. */
  #isAwaited: boolean
  #isChecked: boolean
  /** Where reading starts to see what is to be compared. */
  readonly start: Lsn
  /** What was found, when it is not the source of the log. */
  difference: string | undefined

  /** `confirmed`: of the slot, from where on the source can send. */
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

  /** A transaction comes. Throws when it is not the log's. */
  begin(commitLsn: Lsn, xid: number, commitMicros: bigint): void {
    if (this.#isChecked) return
    const last = this.#last
    if (commitLsn >= this.#end) this.passed(commitLsn)
    else if (last.tag === 'none' || commitLsn < last.commitLsn) return
    else if (commitLsn === last.commitLsn && xid === last.xid && commitMicros === last.commitMicros)
      this.#isAwaited = false
    else throw this.#differs(`transaction ${xid} at ${formatLsn(commitLsn)} is not the changelog's`)
  }

  /** Every commit before `lsn` has come. */
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
