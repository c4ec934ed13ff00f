// Writes the changes of a transaction in the order of the log: all of them, or the last change of each row.

import { isRow, recordEnd, relationOf } from '../../changelog/records.ts'
import { zeroHlc, type Hlc } from '../../core/hlc.ts'
import { recordEvent } from '../../core/record-run.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import { ChangeReader } from './change-reader.ts'
import { isKept } from './event-bits.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import { severalRelations, type OffsetList } from './offset-list.ts'
import { RecordRuns } from './record-runs.ts'
import type { ReadsRowsAgain } from './tables-at-end.ts'
import { everyChange, type KeptEvents, type TransactionPlan } from './transaction-plan.ts'
import { WholePlans } from './whole-plans.ts'
import { WrittenChanges, type IsMissed, type WrittenOptions } from './written-changes.ts'

export interface EmitterOptions extends WrittenOptions {
  /**
   * A row whose values at the end of the transaction are not known (tables-at-end.ts) is not emitted if it is read again as of
   * the transaction; otherwise it is emitted as it was logged.
   */
  readonly readsRowsAgain: ReadsRowsAgain
}

export class TransactionEmitter {
  readonly #schemas: SchemaHistory
  readonly #changes: ChangeWriter
  readonly #change: ChangeReader
  readonly #written: WrittenChanges
  readonly #whole: WholePlans
  readonly #runs: RecordRuns
  readonly #onlyMissed: IsMissed | undefined
  readonly #diff: boolean
  #ts = zeroHlc

  constructor(options: EmitterOptions) {
    this.#schemas = options.schemas
    this.#changes = options.changes
    this.#onlyMissed = options.onlyMissed
    this.#diff = options.diff
    this.#change = new ChangeReader(options.schemas, options.partitions)
    this.#written = new WrittenChanges(this.#change, options)
    this.#whole = new WholePlans(this.#change, options)
    this.#runs = new RecordRuns({
      changes: options.changes,
      reader: this.#change,
      topicOf: (relid) => this.#written.topicOf(relid),
      write: (payload, offset, events) => {
        const isWritten = (event: number): boolean => (events & event) !== 0
        if (this.#change.read(payload, offset))
          this.#written.write(everyChange, isWritten(recordEvent.gone), isWritten(recordEvent.there), 0)
      },
    })
  }

  /** Sets the timestamp of the transaction that follows. */
  stamp(ts: Hlc): void {
    this.#ts = ts
  }

  /**
   * Has the encoder encode what is gathered for it. To be called before the payload gets invalid, and before records outside of a
   * transaction change what is known of tables.
   */
  settle(): void {
    this.#runs.settle()
  }

  /** Writes a transaction that is completely in one block. Returns a promise only if `changes` was full. */
  emitWhole(payload: Buffer, list: OffsetList): Promise<void> | undefined {
    if (list.hasSchema) this.settle()
    return this.emit(payload, list, this.#whole.plan(payload, list), 0)
  }

  /** Writes the part of a transaction in one block, as `emitWhole` does. `firstOrdinal`: the number of listed records before it. */
  emit(payload: Buffer, list: OffsetList, plan: TransactionPlan, firstOrdinal: number): Promise<void> | undefined {
    const next = this.#fill(payload, list, plan, firstOrdinal, 0)
    return this.#changes.isFull ? this.#emitRest(payload, list, plan, firstOrdinal, next) : undefined
  }

  async #emitRest(
    payload: Buffer,
    list: OffsetList,
    plan: TransactionPlan,
    firstOrdinal: number,
    from: number,
  ): Promise<void> {
    for (let next = from; this.#changes.isFull;) {
      await this.#changes.drain()
      next = this.#fill(payload, list, plan, firstOrdinal, next)
    }
  }

  /** Writes the records from `from` on until `changes` is full; returns the next record to write. */
  #fill(payload: Buffer, list: OffsetList, plan: TransactionPlan, firstOrdinal: number, from: number): number {
    const { kept } = plan
    const changes = this.#changes
    const runs = this.#runs
    runs.enter(plan.atEnd)
    const mayRun = this.#mayRun(plan, list)
    const areAlike = mayRun && kept === undefined && list.relid !== severalRelations
    for (let i = from; i < list.count; i++) {
      if (areAlike) {
        const next = runs.takeAll(payload, list, i, this.#ts)
        if (changes.isFull || next === list.count) return next
        i = next
      }
      const offset = list.offsets[i] as number
      const tag = payload[offset] as number
      if (!isRow(tag)) {
        runs.settle()
        this.#schemas.apply(payload, offset, recordEnd(payload, offset))
        continue
      }
      const gone = 2 * (firstOrdinal + i)
      const goneKept = kept === undefined || isKept(kept.bits, gone)
      const thereKept = kept === undefined || isKept(kept.bits, gone + 1)
      if (!goneKept && !thereKept) continue
      if (mayRun && !isTouchedTwice(kept, gone)) {
        const events = (goneKept ? recordEvent.gone : 0) | (thereKept ? recordEvent.there : 0)
        if (runs.take(payload, offset, recordEnd(payload, offset), relationOf(payload, offset), events, this.#ts)) {
          if (changes.isFull) return i + 1
          continue
        }
      }
      runs.settle()
      changes.stamp(this.#ts)
      if (this.#change.read(payload, offset)) this.#written.write(plan, goneKept, thereKept, gone)
      if (changes.isFull) return i + 1
    }
    return list.count
  }

  /** Whether records say by themselves what is to be written of them, unless their row was touched twice. */
  #mayRun({ kept }: TransactionPlan, list: OffsetList): boolean {
    if (list.hasSchema || this.#onlyMissed !== undefined) return false
    return kept === undefined || !this.#diff || kept.before === undefined
  }

  /** Drops the references to the records that were read last. */
  release(): void {
    this.#change.release()
    this.#written.release()
  }
}

/** Whether what a row was before the transaction, which `diff` shows, is in another record than its last change. `event` is the first of the record. */
function isTouchedTwice(kept: KeptEvents | undefined, event: number): boolean {
  const first = kept?.firstChanges
  return first !== undefined && !first.isEmpty && (first.find(event) || first.find(event + 1))
}
