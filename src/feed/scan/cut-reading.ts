// Reads the rows of one cut into the sink, until all pages are read, or until the cut is given up because another session
// waits for a lock of it, because this scan waits for a lock of another session, or because a type was changed. What is under way then
// is dropped: pages that are not finished are read again.

import type { Hlc } from '../../core/hlc.ts'
import type { MessageBatch } from '../../core/message-batch.ts'
import type { Chunk } from '../../scan/chunks.ts'
import { whoHoldsCut } from '../../scan/lock-and-read.ts'
import type { LockWatch } from '../../scan/lock-watch.ts'
import type { OpenTables } from '../../scan/cut.ts'
import { scan } from '../../scan/scan.ts'
import { wholeTable, type Selection } from '../../scan/selection.ts'
import type { ScanTable } from '../../scan/table-facts.ts'
import { isLocked } from '../../postgres/table-locks.ts'
import type { Feed } from '../phases.ts'
import type { RowsAsOf } from './rows-as-of.ts'
import { ScanCheckpoint } from './scan-checkpoint.ts'
import { ScanMessages } from './scan-messages.ts'
import type { EncodeThreads } from './split/encode-threads.ts'
import { openEncodeThreads } from './split/open-encode-threads.ts'
import { SplitRows, tablesOf } from './split/split-rows.ts'
import type { WantedRows } from './wanted-rows.ts'
import { factsOfReason, type ScanRequest } from './scan-request.ts'

/** The least time between two savings of the progress. */
const saveEveryMs = 1000

export interface CutReadingOptions {
  readonly feed: Feed
  readonly request: ScanRequest
  readonly cut: OpenTables
  readonly watch: Pick<LockWatch, 'hasGivenUp' | 'end'>
  readonly at: Hlc
  readonly wanted: Pick<WantedRows, 'rows' | 'done'>
  /** The pages of a range. */
  readonly chunkPages: number
}

export class CutReading {
  readonly #options: CutReadingOptions
  readonly #selections = new Map<ScanTable, Selection>()
  readonly #checkpoint: ScanCheckpoint
  #consumers: readonly ScanMessages[] = []
  #savedAtMs = 0
  /** The last of the batches that connections emit one at a time. After a failure, and when the cut is given up, none is emitted. */
  #last: Promise<void> = Promise.resolve()
  /** Whether a range of pages was finished. */
  hasFinished = false
  /** Who has a lock that the scan has waited for: on an index, or on a type. */
  lockedBy: string | undefined

  constructor(options: CutReadingOptions) {
    const { cut, at, wanted } = options
    this.#options = options
    const leftOut: number[] = []
    for (const [relid, table] of cut.tables) {
      const selection = selectionOf(wanted.rows, table)
      if (selection === undefined) leftOut.push(relid)
      else this.#selections.set(table, selection)
    }
    this.#checkpoint = new ScanCheckpoint(at, cut.tables, wanted.done)
    // They stay in what is saved: a scan that is continued may have logged rows of them to emit (`WantedRows.emitMissed`).
    for (const relid of leftOut) this.#checkpoint.leaveOut(relid)
  }

  get progress(): ScanCheckpoint['progress'] {
    return this.#checkpoint.progress
  }

  /** Returns false if the cut was given up before all pages were read. */
  async run(): Promise<boolean> {
    const { feed, watch, cut, at, wanted } = this.#options
    await this.#save()
    const { run } = feed
    // They are needed until everything that is under way has come to its end.
    using threads = await openEncodeThreads({ run, cut, at, rows: wanted.rows, tables: this.#selections.keys() })
    try {
      await this.#read(threads)
      if (!watch.hasGivenUp) return true
    } catch (error) {
      feed.run.signal.throwIfAborted()
      if (!this.#isOver && isLocked(error)) this.lockedBy = 'another session, which has a lock on what it reads'
      if (!this.#isOver) throw error
      // The other connections have no reason to go on.
      if (!watch.hasGivenUp) cut.giveUp()
      if (this.lockedBy !== undefined) {
        // It asks on the same connection.
        await watch.end()
        this.lockedBy = (await whoHoldsCut(cut).catch(() => undefined))?.why ?? this.lockedBy
      }
    }
    // The sink and the schema registry may take long. The next cut is opened when it can be read.
    for (const consumer of this.#consumers) await consumer.settled()
    await this.#last
    return false
  }

  async #read(threads: EncodeThreads | undefined): Promise<void> {
    const { feed, cut, at, wanted, chunkPages } = this.#options
    const { run, delivery } = feed
    const topics: ReadonlyMap<number, number> = new Map(run.spec.targets.map(({ relid }, index) => [relid, index]))
    const chunkDone = (relid: number, chunk: Chunk): Promise<void> => this.#chunkDone(relid, chunk)
    const tableOf = tablesOf(topics, (relation, topic) => delivery.prepare(relation, topic))
    const emit = (batch: MessageBatch): Promise<void> => this.#inTurn(() => delivery.emitBatch(batch))
    const consumers = (this.#consumers = cut.readers.map(() => {
      const { changes } = delivery.openOutput(run.signal, emit)
      const split = threads && new SplitRows({ threads, tableOf, emit: ({ batch }) => emit(batch) })
      return new ScanMessages(changes, { at, topics, rowsAsOf: wanted.rows, split, chunkDone })
    }))
    const isDone = (relid: number, chunk: Chunk): boolean => this.#checkpoint.isDone(relid, chunk)
    const selection = (table: ScanTable): Selection | undefined => this.#selections.get(table)
    await scan({ cut, selection, chunkPages, commitTimes: run.spec.mvccTimestamp, isDone, consumers })
    for (const { changes } of consumers) await changes.drain()
  }

  async #chunkDone(relid: number, chunk: Chunk): Promise<void> {
    await this.#inTurn(async () => {
      this.#checkpoint.finish(relid, chunk)
      this.#options.feed.run.progress.pendingRanges = this.#checkpoint.pendingRanges
      this.hasFinished = true
      if (Date.now() - this.#savedAtMs >= saveEveryMs) await this.#save()
    })
  }

  async #save(): Promise<void> {
    const { feed, request } = this.#options
    const { run, delivery } = feed
    if (run.save === undefined) return
    this.#savedAtMs = Date.now()
    await delivery.save(factsOfReason(request.reason).progress(this.progress))
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return (this.#last = this.#last.then(() => (this.#isOver ? undefined : work())))
  }

  /** The cut is not read any further. */
  get #isOver(): boolean {
    const { watch, cut } = this.#options
    return watch.hasGivenUp || cut.types.hasChanged || this.lockedBy !== undefined
  }
}

function selectionOf(rows: RowsAsOf | undefined, table: ScanTable): Selection | undefined {
  return rows === undefined ? wholeTable(table) : rows.selection(table)
}
