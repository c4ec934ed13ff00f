// What stands between those who produce changes (transactions, scans, rows as of a cursor) and the encoder: a chain of
// takers. Each takes changes one by one without waiting, so that no row costs a promise, and may wait for a batch of them.

import type { RowChange } from '../../core/row-change.ts'

export interface ChangeTaker {
  /**
   * Takes one change. Changes are passed on in the order in which they were taken. The change and its rows are valid during
   * the call only: a taker that keeps one makes a copy.
   */
  take(change: RowChange): void
  /** True: the producer calls `drain` as soon as it can wait. Until then it may give what it has in its hands. */
  readonly isFull: boolean
  /** Settles when everything that was taken has gone to the sink, and the sink can take more; throws what ends the feed. */
  drain(): Promise<void>
}
