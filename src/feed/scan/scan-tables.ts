// The first part of a feed: every row that exists at one timestamp, as messages that all carry it. The scan of a job is
// saved as it goes on, and goes on where it was after a restart (scan-checkpoint.ts).
//
// The timestamp of a job's scan is that of its statement, which made the cut and holds it for a while. Who comes later
// makes another cut and takes back what the log says of the time in between; where the log lacks the old values that
// takes, the changes in between are emitted first, and then the rows as of the later cut.

import { FeedError } from '../../errors/feed-error.ts'
import { compareHlc, earlierHlc, formatHlc, type Hlc } from '../../core/hlc.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { RowView } from '../../core/row-view.ts'
import type { Encoder } from '../../encode/encoder.ts'
import type { Chunk } from '../../scan/chunks.ts'
import { joinCut, openCut, type OpenTables } from '../../scan/cut.ts'
import { scan, type ScanConsumer } from '../../scan/scan.ts'
import { findCut } from './find-cut.ts'
import type { MessageBatch } from '../../core/message-batch.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import { openOutput, type Output } from '../output/open-output.ts'
import { RowsAtCursor } from './rows-at-cursor.ts'
import type { FeedRun } from '../feed-run.ts'
import { ScanCheckpoint } from './scan-checkpoint.ts'
import { ThreadShare } from '../share-thread.ts'

/** Connections that read side by side. */
const scanConnections = 2

/** Least time between two savings. */
const saveEveryMs = 1000

export interface InitialScan {
  readonly run: FeedRun
  readonly encoder: Encoder
  /** Gives a batch to the sink and clears it. */
  readonly emitBatch: (batch: MessageBatch) => Promise<void>
  /** Emits what the log says of (after, through], both of earlier attempts' and this one's cut. */
  readonly catchUp: (after: Hlc, through: Hlc) => Promise<void>
}

/** Emits the scan and gives its timestamp; from there on the log says everything. */
export async function initialScan({ run, encoder, emitBatch, catchUp }: InitialScan): Promise<Hlc> {
  const { spec, sink, save, signal } = run
  const resume = run.resume?.tag === 'initial-scan' ? run.resume.scan : undefined
  await using opened = await openScan(run)
  run.holdsSnapshot?.(opened.sinceMs)
  const { cut, time: cutTime } = opened
  const wanted = earlierHlc(resume?.at ?? spec.cursor ?? cutTime, cutTime)
  // It keeps its one batch until the scan is over.
  const stash = openOutput({ encoder, signal, emitBatch: async () => undefined })
  stash.changes.stamp(wanted)
  const rowsAtCursor = await takeBack(run, { from: wanted, cutTime, stash })
  const at = rowsAtCursor === 'not in the log' ? cutTime : wanted
  if (compareHlc(wanted, at) < 0) {
    run.waiting?.(
      `scanning its tables as of ${formatHlc(at)} instead of ${formatHlc(wanted)}: that snapshot is gone, and the log does not hold what rows were then`,
    )
  }

  const checkpoint = new ScanCheckpoint(at, cut, resume?.tables ?? [])
  let savedAtMs = 0
  const saveScan = async (): Promise<void> => {
    savedAtMs = Date.now()
    await sink.flush(undefined)
    const { progress } = checkpoint
    run.progress.scanned = progress.fraction
    await save?.({ tag: 'initial-scan', scan: progress })
  }
  // Once a row is out its deletion must come, too. A scan without changes that has given nothing yet just begins later.
  const hasBegun = resume !== undefined && resume.tables.length > 0
  if (compareHlc(wanted, at) < 0 && (hasBegun || spec.initialScan !== 'only')) await catchUp(wanted, at)
  if (save !== undefined) await saveScan()

  // Batches of several connections reach the sink one at a time.
  let last: Promise<void> = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => (last = last.then(work))
  const chunkDone = async (relid: number, chunk: Chunk, changes: ChangeWriter): Promise<void> => {
    if (save === undefined) return
    await changes.drain()
    await inTurn(async () => {
      checkpoint.finish(relid, chunk)
      if (Date.now() - savedAtMs >= saveEveryMs) await saveScan()
    })
  }
  const topics = new Map(spec.targets.map(({ relid }, index) => [relid, index]))
  const filter = typeof rowsAtCursor === 'string' ? undefined : rowsAtCursor
  const consumers = cut.readers.map(() => {
    const { changes } = openOutput({ encoder, signal, emitBatch: (batch) => inTurn(() => emitBatch(batch)) })
    return new ScanMessages(changes, { at, topics, rowsAtCursor: filter, chunkDone })
  })
  const isDone = (relid: number, chunk: Chunk): boolean => checkpoint.isDone(relid, chunk)
  await scan({ cut, commitTimes: spec.mvccTimestamp, isDone, consumers })
  for (const { changes } of consumers) await changes.drain()
  const { batch } = stash.messages
  if (batch.count > 0) await emitBatch(batch)
  run.holdsSnapshot?.(undefined)
  return at
}

interface OpenedScan extends AsyncDisposable {
  readonly cut: OpenTables
  readonly time: Hlc
  /** When the snapshot was taken. */
  readonly sinceMs: number
}

async function openScan(run: FeedRun): Promise<OpenedScan> {
  const { spec, log, source, signal, statementCut: held } = run
  const options = { source, targets: spec.targets, connections: scanConnections, signal, waiting: run.waiting }
  const joined = held === undefined ? undefined : await joinCut(held.snapshot, options)
  if (held !== undefined && joined !== undefined) {
    const { time, sinceMs } = held
    return { cut: joined, time, sinceMs, [Symbol.asyncDispose]: () => joined[Symbol.asyncDispose]() }
  }
  const from = log.head
  const sinceMs = Date.now()
  const cut = await openCut(options)
  try {
    const time = await findCut({ log, from, point: cut.point, signal })
    return { cut, time, sinceMs, [Symbol.asyncDispose]: () => cut[Symbol.asyncDispose]() }
  } catch (error) {
    await cut[Symbol.asyncDispose]()
    throw error
  }
}

interface TakeBack {
  readonly from: Hlc
  readonly cutTime: Hlc
  readonly stash: Output
}

/**
 * What threadShare the rows of the cut into those of `from`; undefined: they are the same. A cursor that somebody gave is not
 * put off: then the error says what the log lacks.
 */
async function takeBack(
  { spec, log, signal }: FeedRun,
  { from, cutTime, stash }: TakeBack,
): Promise<RowsAtCursor | 'not in the log' | undefined> {
  if (compareHlc(from, cutTime) >= 0) return undefined
  const rows = new RowsAtCursor()
  const threadShare = new ThreadShare()
  const yieldThread = (): Promise<void> => threadShare.yieldIfDue()
  try {
    await rows.read({ log, targets: spec.targets, cursor: from, cut: cutTime, stash, yieldThread, signal })
    return rows
  } catch (error) {
    const isLacking = error instanceof FeedError && (error.code === 'FEED_ROW' || error.code === 'FEED_STATE')
    if (!isLacking || (spec.cursor !== undefined && compareHlc(spec.cursor, from) <= 0)) throw error
    stash.messages.batch.clear()
    return 'not in the log'
  }
}

interface ScanMessagesOptions {
  readonly at: Hlc
  /** By relation id. */
  readonly topics: ReadonlyMap<number, number>
  readonly rowsAtCursor: RowsAtCursor | undefined
  readonly chunkDone: (relid: number, chunk: Chunk, changes: ChangeWriter) => Promise<void>
}

class ScanMessages implements ScanConsumer {
  readonly changes: ChangeWriter
  readonly #options: ScanMessagesOptions
  #commitMicros: string | undefined

  constructor(changes: ChangeWriter, options: ScanMessagesOptions) {
    this.changes = changes
    changes.stamp(options.at)
    this.#options = options
  }

  row(relation: RelationSchema, row: RowView, commitMicros: string | undefined): void {
    const { rowsAtCursor, topics } = this.#options
    if (rowsAtCursor !== undefined && !rowsAtCursor.isOfCursor(relation, row)) return
    const topic = topics.get(relation.relid)
    if (topic === undefined) throw new FeedError('FEED_BUG', `a row of relation ${relation.relid}, which is no target`)
    if (commitMicros !== this.#commitMicros) this.#mvcc(commitMicros)
    if (rowsAtCursor === undefined) this.changes.write(relation, topic, row, row, undefined)
    else rowsAtCursor.write(this.changes, relation, topic, row)
  }

  pieceDone(): void | Promise<void> {
    if (this.changes.isFull) return this.changes.drain()
  }

  chunkDone(relid: number, chunk: Chunk): Promise<void> {
    return this.#options.chunkDone(relid, chunk, this.changes)
  }

  /** Rows of one transaction lie together. */
  #mvcc(commitMicros: string | undefined): void {
    const { at } = this.#options
    this.#commitMicros = commitMicros
    const own = commitMicros === undefined ? at : earlierHlc({ wall: BigInt(commitMicros) * 1000n, logical: 0 }, at)
    this.changes.mvcc = Buffer.from(formatHlc(own))
  }
}
