// Writes the changes of a transaction in the order of the log: all of them, or the last change of each row.

import { isRow, record, recordEnd, relationOf } from '../../changelog/records.ts'
import { zeroHlc, type Hlc } from '../../core/hlc.ts'
import { recordEvent } from '../../core/record-run.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { SchemaHistory } from '../../decode/schema-history.ts'
import { ChangeReader } from './change-reader.ts'
import { DeferrableTables } from './deferrable-tables.ts'
import { EarlierRows } from './earlier-rows.ts'
import { isKept } from './event-bits.ts'
import { FirstChanges } from './first-changes.ts'
import { LastChanges } from './last-changes.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import { severalRelations, type OffsetList } from './offset-list.ts'
import type { Partitions } from './partitions.ts'
import { RecordRuns } from './record-runs.ts'
import { SchemaTrail } from './schema-trail.ts'
import { everyChange, type FoundRecord, type TransactionPlan } from './transaction-plan.ts'
import {
  readTableChanges,
  TablesAtEnd,
  type RowsAtEnd,
  type ReadsRowsAgain,
  type TableChanges,
} from './tables-at-end.ts'

export interface EmitterOptions {
  readonly schemas: SchemaHistory
  readonly partitions: Partitions
  /** The index of the target, by relation id. */
  readonly topics: ReadonlyMap<number, number>
  readonly changes: ChangeWriter
  readonly diff: boolean
  /**
   * A row whose values at the end of the transaction are not known (tables-at-end.ts) is not emitted if it is read again as of
   * the transaction; otherwise it is emitted as it was logged.
   */
  readonly readsRowsAgain: ReadsRowsAgain
  /** If it is given, then of those rows the ones are emitted, as they were logged, for which it returns true, and nothing else. */
  readonly onlyMissed?: IsMissed | undefined
}

/** Says of a row that was logged with this relation whether reading the rows again has missed it. */
export type IsMissed = (relation: RelationSchema, row: RowView) => boolean

const nobody: ReadonlySet<number> = new Set()

export class TransactionEmitter {
  readonly #schemas: SchemaHistory
  readonly #topics: ReadonlyMap<number, number>
  readonly #changes: ChangeWriter
  readonly #diff: boolean
  readonly #readsRowsAgain: ReadsRowsAgain
  readonly #onlyMissed: IsMissed | undefined
  readonly #change: ChangeReader
  readonly #earlier: EarlierRows
  readonly #last = new LastChanges()
  readonly #firstChanges: FirstChanges | undefined
  readonly #runs: RecordRuns
  #bits = new Uint8Array(1024)
  #topic = 0
  #topicOf = -1
  #ts = zeroHlc

  constructor(options: EmitterOptions) {
    this.#schemas = options.schemas
    this.#topics = options.topics
    this.#changes = options.changes
    this.#diff = options.diff
    this.#readsRowsAgain = options.readsRowsAgain
    this.#onlyMissed = options.onlyMissed
    this.#change = new ChangeReader(options.schemas, options.partitions)
    this.#earlier = new EarlierRows(options.schemas, options.partitions)
    this.#firstChanges = options.diff ? new FirstChanges() : undefined
    this.#runs = new RecordRuns({
      changes: options.changes,
      reader: this.#change,
      topicOf: (relid) => this.#topicFor(relid),
      write: (payload, offset, events) => {
        const isWritten = (event: number): boolean => (events & event) !== 0
        if (this.#change.read(payload, offset))
          this.#write(everyChange, isWritten(recordEvent.gone), isWritten(recordEvent.there), 0)
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
    const atEnd = list.hasSchema ? this.#atEnd(payload, list) : undefined
    if (!list.hasNonInserts || list.count === 1) {
      return this.emit(payload, list, atEnd === undefined ? everyChange : { kept: undefined, atEnd }, 0)
    }
    const trail = list.hasSchema ? new SchemaTrail(this.#schemas) : undefined
    const deferrable = list.hasSchema ? this.#deferrable(payload, list) : nobody
    const last = deferrable.size > 0 ? new LastChanges(deferrable) : this.#last
    for (let i = 0; i < list.count; i++) {
      const offset = list.offsets[i] as number
      if (!isRow(payload[offset] as number)) {
        this.#schemas.apply(payload, offset, recordEnd(payload, offset))
        trail?.note(i)
        continue
      }
      if (this.#change.read(payload, offset)) last.note(this.#change, i)
    }
    if (trail !== undefined) this.#schemas.restore(trail.start)
    const needed = (list.count >> 2) + 1
    if (needed > this.#bits.length) this.#bits = new Uint8Array(needed * 2)
    else this.#bits.fill(0, 0, needed)
    const firstChanges = this.#firstChanges
    firstChanges?.clear()
    last.collect(this.#bits, firstChanges)
    firstChanges?.seal()
    last.clear()
    const find = (ordinal: number): FoundRecord => ({
      payload,
      offset: list.offsets[ordinal] as number,
      schemas: trail?.at(ordinal),
    })
    const kept = { bits: this.#bits, firstChanges, before: trail?.before, find }
    return this.emit(payload, list, { kept, atEnd }, 0)
  }

  #atEnd(payload: Buffer, list: OffsetList): TablesAtEnd | undefined {
    const changes: TableChanges = new Map()
    readTableChanges(this.#schemas, { payload, list }, changes)
    return TablesAtEnd.from(changes, this.#readsRowsAgain)
  }

  #deferrable(payload: Buffer, list: OffsetList): ReadonlySet<number> {
    const tables = new DeferrableTables(this.#schemas)
    tables.read(payload, list)
    return tables.end()
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
      if (mayRun) {
        const events = (goneKept ? recordEvent.gone : 0) | (thereKept ? recordEvent.there : 0)
        if (runs.take(payload, offset, recordEnd(payload, offset), relationOf(payload, offset), events, this.#ts)) {
          if (changes.isFull) return i + 1
          continue
        }
      }
      runs.settle()
      changes.stamp(this.#ts)
      if (this.#change.read(payload, offset)) this.#write(plan, goneKept, thereKept, gone)
      if (changes.isFull) return i + 1
    }
    return list.count
  }

  /** Whether each record says by itself what is to be written of it. */
  #mayRun({ kept, atEnd }: TransactionPlan, list: OffsetList): boolean {
    if (list.hasSchema || atEnd !== undefined || this.#onlyMissed !== undefined) return false
    return kept === undefined || (kept.before === undefined && kept.firstChanges?.isEmpty !== false)
  }

  /** Writes the change that was read last. `event` is the number of its first event. */
  #write({ kept, atEnd }: TransactionPlan, goneKept: boolean, thereKept: boolean, event: number): void {
    const { relation, tag, keyChanged } = this.#change
    const topic = this.#topicFor(relation.relid)
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
    this.#change.release()
    this.#earlier.release()
  }

  #topicFor(relid: number): number {
    if (relid !== this.#topicOf) {
      this.#topic = this.#topics.get(relid) as number
      this.#topicOf = relid
    }
    return this.#topic
  }
}
