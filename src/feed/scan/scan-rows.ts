// Rows of a scan as changes that all carry the time of the scan.

import { rowTime, type CopyRun } from '../../core/copy-run.ts'
import { formatHlc, type Hlc } from '../../core/hlc.ts'
import type { RunTable } from '../../core/record-run.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { RowTaker } from '../../scan/copied-rows.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { RowsAsOf } from './rows-as-of.ts'

export interface ScanRowsOptions {
  readonly at: Hlc
  /** The index of the target, by relation id. */
  readonly topics: ReadonlyMap<number, number>
  /** Knows which of the rows are those of `at`; undefined: all are. */
  readonly rowsAsOf: RowsAsOf | undefined
}

export class ScanRows implements RowTaker {
  readonly changes: ChangeWriter
  readonly #options: ScanRowsOptions
  #commitMicros: string | undefined

  constructor(changes: ChangeWriter, options: ScanRowsOptions) {
    this.changes = changes
    changes.stampScan(options.at)
    this.#options = options
  }

  row(relation: RelationSchema, row: RowView, commitMicros: string | undefined): void {
    const { rowsAsOf } = this.#options
    if (rowsAsOf !== undefined && !rowsAsOf.isAsOf(relation, row)) return
    const topic = this.#topicOf(relation)
    if (commitMicros !== this.#commitMicros) this.#mvcc(commitMicros)
    if (rowsAsOf === undefined) this.changes.write(relation, topic, row, row, undefined)
    else rowsAsOf.write(this.changes, relation, topic, row)
  }

  tableOf(relation: RelationSchema): RunTable | undefined {
    // Which rows are as of a time must be asked of each.
    if (this.#options.rowsAsOf !== undefined) return undefined
    return this.changes.tableOf(relation, this.#topicOf(relation))
  }

  takeCopied(run: CopyRun, from: number): number {
    run.at = this.#options.at
    return this.changes.takeCopied(run, from)
  }

  #topicOf({ relid }: RelationSchema): number {
    const topic = this.#options.topics.get(relid)
    if (topic === undefined) throw new FeedError('FEED_BUG', `a row of relation ${relid}, which is no target`)
    return topic
  }

  /** Called when the commit time differs from that of the previous row: rows of one transaction lie together. */
  #mvcc(commitMicros: string | undefined): void {
    this.#commitMicros = commitMicros
    this.changes.mvcc = Buffer.from(formatHlc(rowTime(commitMicros, this.#options.at)))
  }
}
