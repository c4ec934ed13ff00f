// The first part of a feed: every row that exists at one timestamp, as messages that all carry it. The scan of a job is
// saved as it goes on, and goes on where it was after a restart (scan-checkpoint.ts).

import { FeedError } from '../errors/feed-error.ts'
import { compareHlc, earlierHlc, formatHlc, type Hlc } from '../core/hlc.ts'
import type { RelationSchema } from '../core/relation.ts'
import type { RowView } from '../core/row-view.ts'
import type { Encoder } from '../encode/encoder.ts'
import type { Chunk } from '../scan/chunks.ts'
import { openCut } from '../scan/cut.ts'
import { scan, type ScanConsumer } from '../scan/scan.ts'
import { findCut } from './find-cut.ts'
import { MessageOutput } from './message-output.ts'
import { RowsAtCursor } from './rows-at-cursor.ts'
import type { FeedRun } from './run-feed.ts'
import { ScanCheckpoint } from './scan-checkpoint.ts'
import { Turns } from './turns.ts'

/** Connections that read side by side. */
const scanConnections = 2

/** Least time between two savings. */
const saveEveryMs = 1000

export interface InitialScan {
  readonly run: FeedRun
  readonly encoder: Encoder
  readonly handOn: (output: MessageOutput) => Promise<void>
  /** Emits what the log says of (after, through], both of earlier attempts' and this one's cut. */
  readonly catchUp: (after: Hlc, through: Hlc) => Promise<void>
}

/** Emits the scan and gives its timestamp; from there on the log says everything. */
export async function initialScan({ run, encoder, handOn, catchUp }: InitialScan): Promise<Hlc> {
  const { spec, log, source, signal, closeNow, sink, save } = run
  const resume = run.resume?.scan
  const from = log.head
  const relids = spec.targets.map(({ relid }) => relid)
  await using cut = await openCut({ source, relids, connections: scanConnections, signal, waiting: run.waiting })
  const cutTime = await findCut({ log, from, point: cut.point, closeNow, signal })
  const at = spec.cursor === undefined ? cutTime : earlierHlc(spec.cursor, cutTime)

  const checkpoint = new ScanCheckpoint(at, cut, resume?.tables ?? [])
  let savedAtMs = 0
  const saveScan = async (): Promise<void> => {
    savedAtMs = Date.now()
    await sink.flush()
    const { progress } = checkpoint
    run.progress.scanned = progress.fraction
    await save?.({ highWater: undefined, scan: progress })
  }
  // Once a row is out its deletion must come, too, even if the scan has to begin again: the time is known before.
  if (resume !== undefined && compareHlc(resume.at, at) < 0) await catchUp(resume.at, at)
  if (save !== undefined) await saveScan()

  const stash = new MessageOutput(encoder)
  stash.stamp(at)
  let rowsAtCursor: RowsAtCursor | undefined
  if (compareHlc(at, cutTime) < 0) {
    rowsAtCursor = new RowsAtCursor()
    const turns = new Turns()
    const breathe = (): Promise<void> => turns.breathe()
    await rowsAtCursor.read({ log, targets: spec.targets, cursor: at, cut: cutTime, stash, breathe, signal })
  }

  // Batches of several connections reach the sink one at a time.
  let last: Promise<void> = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => (last = last.then(work))
  const emit = (output: MessageOutput): Promise<void> => inTurn(() => handOn(output))
  const chunkDone = async (relid: number, chunk: Chunk, output: MessageOutput): Promise<void> => {
    if (save === undefined) return
    await inTurn(async () => {
      await handOn(output)
      checkpoint.finish(relid, chunk)
      if (Date.now() - savedAtMs >= saveEveryMs) await saveScan()
    })
  }
  const topics = new Map(spec.targets.map(({ relid }, index) => [relid, index]))
  const consumers = cut.readers.map(() => new ScanMessages(encoder, { at, topics, rowsAtCursor, emit, chunkDone }))
  const isDone = (relid: number, chunk: Chunk): boolean => checkpoint.isDone(relid, chunk)
  await scan({ cut, commitTimes: spec.mvccTimestamp, isDone, consumers })
  for (const consumer of consumers) await emit(consumer.output)
  await emit(stash)
  return at
}

interface ScanMessagesOptions {
  readonly at: Hlc
  /** By relation id. */
  readonly topics: ReadonlyMap<number, number>
  readonly rowsAtCursor: RowsAtCursor | undefined
  readonly emit: (output: MessageOutput) => Promise<void>
  readonly chunkDone: (relid: number, chunk: Chunk, output: MessageOutput) => Promise<void>
}

class ScanMessages implements ScanConsumer {
  readonly output: MessageOutput
  readonly #options: ScanMessagesOptions
  #commitMicros: string | undefined

  constructor(encoder: Encoder, options: ScanMessagesOptions) {
    this.output = new MessageOutput(encoder)
    this.output.stamp(options.at)
    this.#options = options
  }

  row(relation: RelationSchema, row: RowView, commitMicros: string | undefined): void {
    const { rowsAtCursor, topics } = this.#options
    if (rowsAtCursor !== undefined && !rowsAtCursor.isOfCursor(relation, row)) return
    const topic = topics.get(relation.relid)
    if (topic === undefined) throw new FeedError('FEED_BUG', `a row of relation ${relation.relid}, which is no target`)
    if (commitMicros !== this.#commitMicros) this.#mvcc(commitMicros)
    this.output.write(relation, topic, row, row, undefined)
  }

  pieceDone(): void | Promise<void> {
    if (this.output.isFull) return this.#options.emit(this.output)
  }

  chunkDone(relid: number, chunk: Chunk): Promise<void> {
    return this.#options.chunkDone(relid, chunk, this.output)
  }

  /** Rows of one transaction lie together. */
  #mvcc(commitMicros: string | undefined): void {
    const { at } = this.#options
    this.#commitMicros = commitMicros
    const own = commitMicros === undefined ? at : earlierHlc({ wall: BigInt(commitMicros) * 1000n, logical: 0 }, at)
    this.output.mvcc = Buffer.from(formatHlc(own))
  }
}
