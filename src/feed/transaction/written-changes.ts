// Writes the change that a reader holds: the row that is gone, the row that is there, or both, as they are at the end of their transaction.

import { record } from '../../changelog/records.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { ChangeReader } from './change-reader.ts'
import { EarlierRows } from './earlier-rows.ts'
import type { Partitions } from './partitions.ts'
import type { RowsAtEnd } from './tables-at-end.ts'
import type { TransactionPlan } from './transaction-plan.ts'

export interface WrittenOptions {
  readonly schemas: SchemaHistory
  readonly partitions: Partitions
  /** The index of the target, by relation id. */
  readonly topics: ReadonlyMap<number, number>
  readonly changes: ChangeWriter
  readonly diff: boolean
  /**
   * If it is given, then of the rows that are read again as of the transaction those are emitted, as they were logged, for which it
   * returns true, and nothing else.
   */
  readonly onlyMissed?: IsMissed | undefined
}

/** Says of a row that was logged with this relation whether reading the rows again has missed it. */
export type IsMissed = (relation: RelationSchema, row: RowView) => boolean

export class WrittenChanges {
  readonly #topics: ReadonlyMap<number, number>
  readonly #changes: ChangeWriter
  readonly #diff: boolean
  readonly #onlyMissed: IsMissed | undefined
  readonly #change: ChangeReader
  readonly #earlier: EarlierRows
  #topic = 0
  #topicOf = -1

  constructor(change: ChangeReader, options: WrittenOptions) {
    this.#topics = options.topics
    this.#changes = options.changes
    this.#diff = options.diff
    this.#onlyMissed = options.onlyMissed
    this.#change = change
    this.#earlier = new EarlierRows(options.schemas, options.partitions)
  }

  /** Writes the change that was read last. `event` is the number of its first event. */
  write({ kept, atEnd }: TransactionPlan, goneKept: boolean, thereKept: boolean, event: number): void {
    const { relation, tag, keyChanged } = this.#change
    const topic = this.topicOf(relation.relid)
    const rowsAtEnd = atEnd?.of(relation)
    if (this.#onlyMissed !== undefined && !this.#isMissed(rowsAtEnd)) return
    if (goneKept && this.#onlyMissed === undefined && (tag === record.delete || keyChanged)) {
      const before = this.#diff ? this.#earlier.of(this.#change, kept, event) : undefined
      this.#writeGone(topic, rowsAtEnd, before)
    }
    if (thereKept && tag !== record.delete) {
      const before = this.#diff ? this.#earlier.of(this.#change, kept, event + 1) : undefined
      this.#writeThere(topic, rowsAtEnd, before)
    }
  }

  #writeGone(topic: number, atEnd: RowsAtEnd | undefined, before: RowView | undefined): void {
    const { relation, old } = this.#change
    const conversion = atEnd?.conversion
    // If the table has another key at the end, consumers know the row by the key that it had.
    if (conversion === undefined || !atEnd?.hasSameKey) this.#changes.write(relation, topic, old, undefined, before)
    else this.#changes.write(conversion.relation, topic, conversion.of(old), undefined, before)
  }

  #writeThere(topic: number, atEnd: RowsAtEnd | undefined, before: RowView | undefined): void {
    const { relation, row } = this.#change
    const conversion = atEnd?.conversion
    if (conversion !== undefined) {
      const last = conversion.of(row)
      this.#changes.write(conversion.relation, topic, last, last, before)
    } else if (atEnd?.isReadAgain !== true || this.#onlyMissed !== undefined)
      this.#changes.write(relation, topic, row, row, before)
  }

  #isMissed(atEnd: RowsAtEnd | undefined): boolean {
    const { relation, row, tag } = this.#change
    return atEnd?.isReadAgain === true && tag !== record.delete && this.#onlyMissed?.(relation, row) === true
  }

  /** Drops the references to the records that were read last. */
  release(): void {
    this.#earlier.release()
  }

  /** Returns the index of a target. */
  topicOf(relid: number): number {
    if (relid !== this.#topicOf) {
      this.#topic = this.#topics.get(relid) as number
      this.#topicOf = relid
    }
    return this.#topic
  }
}
