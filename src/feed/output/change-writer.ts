// Through this class a producer gives its changes to the first stage. It makes a RowChange of what the producer knows, and
// fills the same object again for each change.

import type { CopyRun } from '../../core/copy-run.ts'
import { wallMs, type Hlc } from '../../core/hlc.ts'
import type { RecordRun, RunTable } from '../../core/record-run.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowChange } from '../../core/row-change.ts'
import type { RowView } from '../../core/row-view.ts'
import type { ChangeTaker } from './change-taker.ts'
import { TimestampText } from './timestamp-text.ts'

export class ChangeWriter {
  readonly #taker: ChangeTaker
  readonly #timestamps = new TimestampText()
  #change: RowChange | undefined
  /** The timestamp, of which there is no text yet. */
  #ts: Hlc | undefined
  #updated: Buffer = Buffer.alloc(0)
  #mvcc: Buffer = this.#updated
  #committedMs = Number.NaN

  constructor(taker: ChangeTaker) {
    this.#taker = taker
  }

  /** True if the producer must call `drain` as soon as it can wait. */
  get isFull(): boolean {
    return this.#taker.isFull
  }

  drain(): Promise<void> {
    return this.#taker.drain()
  }

  /** Sets the timestamp of the changes that follow. It is printed when the first of them comes: records in a run have their own. */
  stamp(ts: Hlc): void {
    this.#ts = ts
  }

  /** Sets the timestamp of the rows of a scan, which were committed at any time before. */
  stampScan(ts: Hlc): void {
    this.#print(ts)
    this.#committedMs = Number.NaN
  }

  /** Sets the commit time of the changes that follow. Only for rows of a scan it differs from their timestamp. */
  set mvcc(text: Buffer) {
    if (this.#ts !== undefined) this.#print(this.#ts)
    this.#mvcc = text
  }

  /** Passes one change on. A delete has no `after`, and its key is read from `key`. */
  write(
    relation: RelationSchema,
    topic: number,
    key: RowView,
    after: RowView | undefined,
    before: RowView | undefined,
  ): void {
    if (this.#ts !== undefined) this.#print(this.#ts)
    let change = this.#change
    if (change === undefined) {
      const updated = this.#updated
      const committedMs = this.#committedMs
      change = this.#change = { relation, topic, key, after, before, updated, mvcc: this.#mvcc, committedMs, schema: 0 }
    } else {
      change.relation = relation
      change.topic = topic
      change.key = key
      change.after = after
      change.before = before
      change.updated = this.#updated
      change.mvcc = this.#mvcc
      change.committedMs = this.#committedMs
    }
    this.#taker.take(change)
  }

  /** See `ChangeTaker.tableOf`. */
  tableOf(relation: RelationSchema, topic: number): RunTable | undefined {
    return this.#taker.tableOf?.(relation, topic)
  }

  /** See `ChangeTaker.takeRecords`. */
  takeRecords(run: RecordRun, from: number): number {
    return this.#taker.takeRecords?.(run, from) ?? from
  }

  /** See `ChangeTaker.takeCopied`. */
  takeCopied(run: CopyRun, from: number): number {
    return this.#taker.takeCopied?.(run, from) ?? from
  }

  #print(ts: Hlc): void {
    this.#ts = undefined
    this.#updated = this.#mvcc = this.#timestamps.of(ts)
    this.#committedMs = wallMs(ts)
  }
}
