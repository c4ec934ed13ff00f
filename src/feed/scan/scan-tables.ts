// A scan: every row that some tables have at one time, as messages that all carry this time. The scan of a job is saved
// in the course of it, and a restart continues where it was (scan-checkpoint.ts).
//
// A scan reads a cut that is held for it, or makes a new one, which is later than the time that is asked for. Then it takes
// back what the log says of the time in between. Where the log lacks the old values that this takes, it emits the changes in
// between first, and then the rows as of the cut:
//
//   open the cut ──► take back to `at` ──────────────────────────────► read ──► done
//                        └── not in the log ──► catch up to the cut ────┘

import { compareHlc, earlierHlc, formatHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { Chunk } from '../../scan/chunks.ts'
import { scan } from '../../scan/scan.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { Output } from '../output/open-output.ts'
import type { Feed } from '../phases.ts'
import { ThreadShare } from '../share-thread.ts'
import { catchUp } from '../follow/following.ts'
import { openScan, type OpenScan } from './open-scan.ts'
import { RowsAtCursor } from './rows-at-cursor.ts'
import { ScanCheckpoint } from './scan-checkpoint.ts'
import { ScanMessages } from './scan-messages.ts'
import { factsOfReason, type ScanRequest } from './scan-request.ts'

/** The least time between two savings of the progress. */
const saveEveryMs = 1000

/** Emits the scan and returns its time. Later changes are in the log. */
export async function scanTables(feed: Feed, request: ScanRequest): Promise<Hlc> {
  const { run } = feed
  await using open = await openScan(run, request)
  run.holdsSnapshot?.(open.sinceMs)
  const at = await new TableScan(feed, request, open).run()
  run.holdsSnapshot?.(undefined)
  return at
}

class TableScan {
  readonly #feed: Feed
  readonly #request: ScanRequest
  readonly #open: OpenScan
  /** Keeps the messages of rows that have changed since `at` until the other rows are emitted. */
  readonly #stash: Output
  #savedAtMs = 0
  /** The last of the batches that connections emit one at a time. After a failure none is emitted. */
  #last: Promise<void> = Promise.resolve()

  constructor(feed: Feed, request: ScanRequest, open: OpenScan) {
    this.#feed = feed
    this.#request = request
    this.#open = open
    this.#stash = feed.delivery.openOutput(feed.run.signal, async () => undefined)
  }

  async run(): Promise<Hlc> {
    const { time, cut } = this.#open
    const wanted = earlierHlc(this.#request.at ?? time, time)
    const rows = await this.#takeBack(wanted)
    const at = rows === 'not in the log' ? time : wanted
    const checkpoint = new ScanCheckpoint(at, cut, this.#request.done)
    if (rows === 'not in the log') await this.#moveTo(at, wanted)
    await this.#save(checkpoint)
    await this.#read(checkpoint, at, rows === 'not in the log' ? undefined : rows)
    return at
  }

  /** Finds the rows as of `from`. Returns undefined if they are those of the cut. */
  async #takeBack(from: Hlc): Promise<RowsAtCursor | 'not in the log' | undefined> {
    const { log, signal } = this.#feed.run
    const { time: cut } = this.#open
    const stash = this.#stash
    stash.changes.stamp(from)
    if (compareHlc(from, cut) >= 0) return undefined
    const rows = new RowsAtCursor()
    const threadShare = new ThreadShare()
    const yieldThread = (): Promise<void> => threadShare.yieldIfDue()
    try {
      await rows.read({ log, targets: this.#request.tables, cursor: from, cut, stash, yieldThread, signal })
      return rows
    } catch (error) {
      const isLacking = error instanceof FeedError && (error.code === 'FEED_ROW' || error.code === 'FEED_STATE')
      if (!isLacking || this.#request.isExact) throw error
      stash.messages.batch.clear()
      return 'not in the log'
    }
  }

  /** Moves the scan to the time of the cut. */
  async #moveTo(at: Hlc, wanted: Hlc): Promise<void> {
    const { run } = this.#feed
    run.waiting?.(
      `scanning its tables as of ${formatHlc(at)} instead of ${formatHlc(wanted)}: that snapshot is gone, and the log does not hold what rows were then`,
    )
    // When a row was emitted, so must be its deletion. A feed that ends with its scan, and has emitted nothing yet, just begins later.
    const hasBegun = this.#request.done.length > 0
    if (hasBegun || run.spec.initialScan !== 'only') await catchUp(this.#feed, wanted, at)
  }

  async #read(checkpoint: ScanCheckpoint, at: Hlc, rowsAtCursor: RowsAtCursor | undefined): Promise<void> {
    const { run, delivery } = this.#feed
    const { cut } = this.#open
    const topics: ReadonlyMap<number, number> = new Map(run.spec.targets.map(({ relid }, index) => [relid, index]))
    const chunkDone = (relid: number, chunk: Chunk, changes: ChangeWriter): Promise<void> =>
      this.#chunkDone(checkpoint, relid, chunk, changes)
    const consumers = cut.readers.map(() => {
      const { changes } = delivery.openOutput(run.signal, (batch) => this.#inTurn(() => delivery.emitBatch(batch)))
      return new ScanMessages(changes, { at, topics, rowsAtCursor, chunkDone })
    })
    const isDone = (relid: number, chunk: Chunk): boolean => checkpoint.isDone(relid, chunk)
    await scan({ cut, commitTimes: run.spec.mvccTimestamp, isDone, consumers })
    for (const { changes } of consumers) await changes.drain()
    if (rowsAtCursor !== undefined) await delivery.emitBatch(this.#stash.messages.batch)
  }

  async #chunkDone(checkpoint: ScanCheckpoint, relid: number, chunk: Chunk, changes: ChangeWriter): Promise<void> {
    if (this.#feed.run.save === undefined) return
    await changes.drain()
    await this.#inTurn(async () => {
      checkpoint.finish(relid, chunk)
      if (Date.now() - this.#savedAtMs >= saveEveryMs) await this.#save(checkpoint)
    })
  }

  async #save({ progress }: ScanCheckpoint): Promise<void> {
    const { run, delivery } = this.#feed
    if (run.save === undefined) return
    this.#savedAtMs = Date.now()
    const { reason, at } = this.#request
    await delivery.save(factsOfReason(reason).progress(progress, at))
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return (this.#last = this.#last.then(work))
  }
}
