// Reads the rows of one cut into the sink, until all pages are read, or until another session waits for a lock of the cut. Then
// the locks are given back at once, and what is under way is dropped: pages that are not finished are read again.

import type { Hlc } from '../../core/hlc.ts'
import type { Chunk } from '../../scan/chunks.ts'
import { waitsForReaders } from '../../scan/lock-watch.ts'
import { scan } from '../../scan/scan.ts'
import { wholeTable, type Selection } from '../../scan/selection.ts'
import type { ScanTable } from '../../scan/table-facts.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { Feed } from '../phases.ts'
import type { OpenScan } from './open-scan.ts'
import type { RowsAsOf } from './rows-as-of.ts'
import { ScanCheckpoint } from './scan-checkpoint.ts'
import { ScanMessages } from './scan-messages.ts'
import type { WantedRows } from './wanted-rows.ts'
import { factsOfReason, type ScanRequest } from './scan-request.ts'

/** The least time between two savings of the progress. */
const saveEveryMs = 1000

export interface CutReadingOptions {
  readonly feed: Feed
  readonly request: ScanRequest
  readonly open: OpenScan
  readonly at: Hlc
  readonly wanted: Pick<WantedRows, 'rows' | 'done'>
  /** The pages of a range. */
  readonly chunkPages: number
}

export class CutReading {
  readonly #options: CutReadingOptions
  readonly #selections = new Map<ScanTable, Selection>()
  readonly #checkpoint: ScanCheckpoint
  #savedAtMs = 0
  #isOver = false
  /** The last of the batches that connections emit one at a time. After a failure, and when the reading is over, none is emitted. */
  #last: Promise<void> = Promise.resolve()
  /** Whether a range of pages was finished. */
  hasFinished = false

  constructor(options: CutReadingOptions) {
    const { open, at, wanted } = options
    this.#options = options
    const tables = new Map<number, ScanTable>()
    for (const [relid, table] of open.cut.tables) {
      const selection = selectionOf(wanted.rows, table)
      if (selection === undefined) continue
      tables.set(relid, table)
      this.#selections.set(table, selection)
    }
    this.#checkpoint = new ScanCheckpoint(at, tables, wanted.done)
  }

  get progress(): ScanCheckpoint['progress'] {
    return this.#checkpoint.progress
  }

  /** Returns who waits for a lock, if the reading has given way. Its transactions are over then. */
  async run(): Promise<string | undefined> {
    const { feed, open } = this.#options
    const { cut } = open
    feed.run.progress.pendingRanges = this.#checkpoint.pendingRanges
    await this.#save()
    const over = new AbortController()
    let waiter: string | undefined
    let watchError: unknown
    const watching = waitsForReaders(cut, AbortSignal.any([over.signal, feed.run.signal])).then(
      (found) => {
        waiter = found
        if (found !== undefined) this.#giveUp()
      },
      (error: unknown) => {
        watchError = error
        // Without its watch the reading could hold up the application.
        this.#giveUp()
      },
    )
    let isComplete = false
    try {
      await this.#read()
      isComplete = !this.#isOver
    } catch (error) {
      feed.run.signal.throwIfAborted()
      if (!this.#isOver) throw error
    } finally {
      over.abort()
    }
    await watching
    if (isComplete) {
      await cut[Symbol.asyncDispose]()
      return undefined
    }
    if (waiter === undefined) throw watchError
    await this.#last
    return waiter
  }

  #giveUp(): void {
    this.#isOver = true
    this.#options.open.cut.giveUp()
  }

  async #read(): Promise<void> {
    const { feed, open, at, wanted, chunkPages } = this.#options
    const { run, delivery } = feed
    const { cut } = open
    const topics: ReadonlyMap<number, number> = new Map(run.spec.targets.map(({ relid }, index) => [relid, index]))
    const chunkDone = (relid: number, chunk: Chunk, changes: ChangeWriter): Promise<void> =>
      this.#chunkDone(relid, chunk, changes)
    const consumers = cut.readers.map(() => {
      const { changes } = delivery.openOutput(run.signal, (batch) => this.#inTurn(() => delivery.emitBatch(batch)))
      return new ScanMessages(changes, { at, topics, rowsAsOf: wanted.rows, chunkDone })
    })
    const isDone = (relid: number, chunk: Chunk): boolean => this.#checkpoint.isDone(relid, chunk)
    const selection = (table: ScanTable): Selection | undefined => this.#selections.get(table)
    await scan({ cut, selection, chunkPages, commitTimes: run.spec.mvccTimestamp, isDone, consumers })
    for (const { changes } of consumers) await changes.drain()
  }

  async #chunkDone(relid: number, chunk: Chunk, changes: ChangeWriter): Promise<void> {
    await changes.drain()
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
}

function selectionOf(rows: RowsAsOf | undefined, table: ScanTable): Selection | undefined {
  return rows === undefined ? wholeTable(table.description) : rows.selection(table)
}
