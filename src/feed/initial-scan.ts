// The first part of a feed: every row that exists at one timestamp, as messages that all carry it.

import { FeedError } from '../errors/feed-error.ts'
import { compareHlc, earlierHlc, formatHlc, type Hlc } from '../core/hlc.ts'
import type { RelationSchema } from '../core/relation.ts'
import type { RowView } from '../core/row-view.ts'
import type { Encoder } from '../encode/encoder.ts'
import { openCut } from '../scan/cut.ts'
import { scan, type ScanConsumer } from '../scan/scan.ts'
import { findCut } from './find-cut.ts'
import { MessageOutput } from './message-output.ts'
import { RowsAtCursor } from './rows-at-cursor.ts'
import type { FeedRun } from './run-feed.ts'

/** Connections that read side by side. */
const scanConnections = 2

/** Emits the scan and gives its timestamp; from there on the log says everything. */
export async function initialScan(
  run: FeedRun,
  encoder: Encoder,
  handOn: (output: MessageOutput) => Promise<void>,
): Promise<Hlc> {
  const { spec, log, source, signal, closeNow } = run
  const from = log.head
  const relids = spec.targets.map(({ relid }) => relid)
  await using cut = await openCut({ source, relids, connections: scanConnections, signal })
  const cutTime = await findCut({ log, from, point: cut.point, closeNow, signal })
  const at = spec.cursor === undefined ? cutTime : earlierHlc(spec.cursor, cutTime)

  const stash = new MessageOutput(encoder)
  stash.stamp(at)
  let rowsAtCursor: RowsAtCursor | undefined
  if (compareHlc(at, cutTime) < 0) {
    rowsAtCursor = new RowsAtCursor()
    rowsAtCursor.read({ log, targets: spec.targets, cursor: at, cut: cutTime, stash })
  }

  // Batches of several connections reach the sink one at a time.
  let last: Promise<void> = Promise.resolve()
  const inTurn = (output: MessageOutput): Promise<void> => (last = last.then(() => handOn(output)))
  const topics = new Map(spec.targets.map(({ relid }, index) => [relid, index]))
  const consumers = cut.readers.map(() => new ScanMessages(encoder, at, topics, rowsAtCursor, inTurn))
  await scan({ cut, commitTimes: spec.mvccTimestamp, consumers })
  for (const consumer of consumers) await inTurn(consumer.output)
  await inTurn(stash)
  return at
}

class ScanMessages implements ScanConsumer {
  readonly output: MessageOutput
  readonly #at: Hlc
  readonly #topics: ReadonlyMap<number, number>
  readonly #rowsAtCursor: RowsAtCursor | undefined
  readonly #inTurn: (output: MessageOutput) => Promise<void>
  #commitMicros: string | undefined

  constructor(
    encoder: Encoder,
    at: Hlc,
    topics: ReadonlyMap<number, number>,
    rowsAtCursor: RowsAtCursor | undefined,
    inTurn: (output: MessageOutput) => Promise<void>,
  ) {
    this.output = new MessageOutput(encoder)
    this.output.stamp(at)
    this.#at = at
    this.#topics = topics
    this.#rowsAtCursor = rowsAtCursor
    this.#inTurn = inTurn
  }

  row(relation: RelationSchema, row: RowView, commitMicros: string | undefined): void {
    if (this.#rowsAtCursor !== undefined && !this.#rowsAtCursor.isOfCursor(relation, row)) return
    const topic = this.#topics.get(relation.relid)
    if (topic === undefined) throw new FeedError('FEED_BUG', `a row of relation ${relation.relid}, which is no target`)
    if (commitMicros !== this.#commitMicros) this.#mvcc(commitMicros)
    this.output.write(relation, topic, row, row, undefined)
  }

  pieceDone(): void | Promise<void> {
    if (this.output.isFull) return this.#inTurn(this.output)
  }

  /** Rows of one transaction lie together. */
  #mvcc(commitMicros: string | undefined): void {
    this.#commitMicros = commitMicros
    const at =
      commitMicros === undefined ? this.#at : earlierHlc({ wall: BigInt(commitMicros) * 1000n, logical: 0 }, this.#at)
    this.output.mvcc = Buffer.from(formatHlc(at))
  }
}
