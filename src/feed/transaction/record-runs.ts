// Gathers row records into runs, which the encoder reads by itself. Runs span transactions: where each has one row, a call for each
// would cost more than its row. Whoever writes a change by itself calls `settle` first, because messages are in the order of the
// log, and also whoever makes the payload of the block invalid, or changes what is known of a table.

import type { Hlc } from '../../core/hlc.ts'
import { RecordRun, type RunTable } from '../../core/record-run.ts'
import { record } from '../../changelog/records.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { ChangeReader } from './change-reader.ts'
import type { OffsetList } from './offset-list.ts'
import type { TablesAtEnd } from './tables-at-end.ts'

export interface RecordRunsOptions {
  readonly changes: ChangeWriter
  readonly reader: ChangeReader
  /** Returns the index of a target. */
  readonly topicOf: (relid: number) => number
  /** Writes the change of a record that the encoder did not take. The events are those of `recordEvent`. */
  readonly write: (payload: Buffer, offset: number, events: number) => void
}

/** How the records of a relation go into runs. */
interface Known {
  readonly relid: number
  /** Undefined: they go into none. */
  readonly table: RunTable | undefined
  /** Updates and deletes do not have the old key, which is an error. */
  readonly insertsOnly: boolean
}

const nothing: Known = { relid: -1, table: undefined, insertsOnly: false }

export class RecordRuns {
  readonly #options: RecordRunsOptions
  readonly #run = new RecordRun()
  /** What is known since the last `settle`, by relation. */
  readonly #known = new Map<number, Known>()
  #last = nothing
  #atEnd: TablesAtEnd | undefined

  constructor(options: RecordRunsOptions) {
    this.#options = options
  }

  /**
   * To be called before the records of a transaction. `atEnd`: rows of the tables that it changes go into no run, unless they were logged as
   * their table is at the end.
   */
  enter(atEnd: TablesAtEnd | undefined): void {
    if (atEnd === this.#atEnd) return
    this.settle()
    this.#atEnd = atEnd
  }

  /** Takes the row record at `offset`. Returns false if its change must be written by itself. */
  take(payload: Buffer, offset: number, end: number, relid: number, events: number, ts: Hlc): boolean {
    const known = relid === this.#last.relid ? this.#last : this.#know(relid)
    const { table } = known
    if (table === undefined || (known.insertsOnly && payload[offset] !== record.insert)) return false
    const run = this.#run
    if (!run.hasRoom(payload, offset, end)) {
      if (run.count === 0) return false
      this.settle()
      return this.take(payload, offset, end, relid, events, ts)
    }
    run.add(payload, offset, end, table, events, ts)
    return true
  }

  /**
   * Takes records of one relation from `from` on, and returns the first that is not taken: if it is `from`, its change must be written by
   * itself.
   */
  takeAll(payload: Buffer, list: OffsetList, from: number, ts: Hlc): number {
    const { relid, offsets, count, hasNonInserts } = list
    const { table, insertsOnly } = relid === this.#last.relid ? this.#last : this.#know(relid)
    if (table === undefined || (insertsOnly && hasNonInserts)) return from
    const run = this.#run
    const next = run.addAll(payload, offsets, from, count, table, ts)
    if (next > from || run.count === 0) return next
    this.settle()
    return this.takeAll(payload, list, from, ts)
  }

  /** Has everything that was taken encoded. */
  settle(): void {
    const run = this.#run
    this.#last = nothing
    this.#known.clear()
    if (run.count === 0) return
    const { changes, write } = this.#options
    try {
      for (let next = 0; next < run.count;) {
        next = changes.takeRecords(run, next)
        if (next === run.count) break
        changes.stamp(run.timeOf(next))
        write(run.payload, run.tagOf(next), run.eventsOf(next))
        next += 1
      }
    } finally {
      run.clear()
    }
  }

  #know(relid: number): Known {
    let known = this.#known.get(relid)
    if (known === undefined) this.#known.set(relid, (known = this.#find(relid)))
    this.#last = known
    return known
  }

  #find(relid: number): Known {
    const { changes, reader, topicOf } = this.#options
    const rows = reader.rowsOf(relid)
    // The encoder reads tuples in the order of the columns that it prints.
    if (rows === undefined || rows.places !== undefined) return { relid, table: undefined, insertsOnly: false }
    const { relation, lacksKey } = rows
    if (this.#atEnd?.of(relation) !== undefined) return { relid, table: undefined, insertsOnly: false }
    return { relid, table: changes.tableOf(relation, topicOf(relation.relid)), insertsOnly: lacksKey }
  }
}
