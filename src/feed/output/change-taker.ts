// A stage between the producers of changes (transactions, scans, rows as of a cursor) and the sink. A stage takes changes one
// by one without waiting, so that no row costs a promise, and may then wait once for all that it has taken. open-output.ts
// makes the chain of stages.

import type { CopyRun } from '../../core/copy-run.ts'
import type { RecordRun, RunTable } from '../../core/record-run.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'

export interface ChangeTaker {
  /**
   * Takes one change. A stage passes changes on in the order in which it took them. The change and its rows are valid only
   * during the call: a stage that keeps a change copies it.
   */
  take(change: RowChange): void
  /** Returns the table for records, or copied rows, of this relation in a run; undefined: its changes must be given one by one. */
  tableOf?(relation: RelationSchema, topic: number): RunTable | undefined
  /**
   * Takes the records from `from` on, and returns the first that it does not take: its change must be given with `take`. Only for
   * records with a table of `tableOf`.
   */
  takeRecords?(run: RecordRun, from: number): number
  /** The same for copied rows, which are named by their offsets. */
  takeCopied?(run: CopyRun, from: number): number
  /** True if the producer must call `drain` as soon as it can wait. It may first give the changes that it has already read. */
  readonly isFull: boolean
  /** Settles when the sink has got everything that was taken, and can take more. Throws the error that ends the feed. */
  drain(): Promise<void>
}
