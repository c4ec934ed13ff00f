// Rows of a scan as changes that all carry the time of the scan.

import { earlierHlc, formatHlc, type Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { RowsAsOf } from './rows-as-of.ts'

export interface ScanRowsOptions {
  readonly at: Hlc
  /** The index of the target, by relation id. */
  readonly topics: ReadonlyMap<number, number>
  /** Knows which of the rows are those of `at`; undefined: all are. */
  readonly rowsAsOf: RowsAsOf | undefined
}

export class ScanRows {
  readonly changes: ChangeWriter
  readonly #options: ScanRowsOptions
  #commitMicros: string | undefined

  constructor(changes: ChangeWriter, options: ScanRowsOptions) {
    this.changes = changes
    changes.stampScan(options.at)
    this.#options = options
  }

  row(relation: RelationSchema, row: RowView, commitMicros: string | undefined): void {
    const { rowsAsOf, topics } = this.#options
    if (rowsAsOf !== undefined && !rowsAsOf.isAsOf(relation, row)) return
    const topic = topics.get(relation.relid)
    if (topic === undefined) throw new FeedError('FEED_BUG', `a row of relation ${relation.relid}, which is no target`)
    if (commitMicros !== this.#commitMicros) this.#mvcc(commitMicros)
    if (rowsAsOf === undefined) this.changes.write(relation, topic, row, row, undefined)
    else rowsAsOf.write(this.changes, relation, topic, row)
  }

  /** Called when the commit time differs from that of the previous row: rows of one transaction lie together. */
  #mvcc(commitMicros: string | undefined): void {
    const { at } = this.#options
    this.#commitMicros = commitMicros
    const own = commitMicros === undefined ? at : earlierHlc({ wall: BigInt(commitMicros) * 1000n, logical: 0 }, at)
    this.changes.mvcc = Buffer.from(formatHlc(own))
  }
}
