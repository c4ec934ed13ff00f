// The rows that one connection of a scan reads, as pieces that are encoded side by side. They are emitted in the order in
// which they were read, and a range of pages is done when all of its pieces are emitted.

import type { CopyShape } from '../../../core/copy-run.ts'
import type { RelationSchema } from '../../../core/relation.ts'
import { FeedError } from '../../../errors/feed-error.ts'
import type { EncodeThreads } from './encode-threads.ts'
import { Piece, pieceBytes, type PieceTable } from './piece.ts'

export interface SplitRowsOptions {
  readonly threads: EncodeThreads
  readonly tableOf: (shape: CopyShape) => PieceTable
  /** Gives the batch of a piece to the sink. */
  readonly emit: (piece: Piece) => Promise<void>
}

export class SplitRows {
  readonly #options: SplitRowsOptions
  /** Pieces that are not in use. */
  readonly #free: Piece[]
  #filling: Piece | undefined
  #shape: CopyShape | undefined
  #table: PieceTable | undefined
  /** Settles when all pieces that were dispatched are emitted. */
  #emitted: Promise<void> = Promise.resolve()
  /** The error after which nothing is emitted any more. */
  #failure: { readonly error: unknown } | undefined
  #freed = Promise.withResolvers<void>()

  constructor(options: SplitRowsOptions) {
    this.#options = options
    this.#free = Array.from({ length: options.threads.most + 1 }, () => new Piece())
  }

  add(shape: CopyShape, bytes: Buffer, start: number, end: number): void {
    if (shape !== this.#shape) {
      this.#dispatch()
      this.#shape = shape
      this.#table = this.#options.tableOf(shape)
    }
    // What a read adds that has not waited for a piece.
    this.#filling ??= this.#free.pop() ?? new Piece()
    this.#filling.add(bytes, start, end)
  }

  /** Called after each read from the socket; returns a promise if reading is to wait. */
  pieceDone(): void | Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error
    if ((this.#filling?.length ?? 0) < pieceBytes) return
    this.#dispatch()
    if (this.#free.length === 0) return this.#untilFree()
  }

  /** Settles when everything has been emitted; throws the first error. */
  async drain(): Promise<void> {
    this.#dispatch()
    await this.#emitted
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #untilFree(): Promise<void> {
    while (this.#free.length === 0 && this.#failure === undefined) await this.#freed.promise
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #dispatch(): void {
    const piece = this.#filling
    const table = this.#table
    this.#filling = undefined
    if (piece === undefined || table === undefined) return
    const { threads, emit } = this.#options
    const encoded = threads.encode(piece, table)
    const before = this.#emitted
    // Waited for in its turn.
    encoded.catch(() => undefined)
    this.#emitted = (async () => {
      await before
      try {
        await encoded
        if (this.#failure === undefined) await emit(piece)
        piece.clear()
      } catch (error) {
        this.#failure ??= { error }
      }
      if (this.#free.length < threads.most + 1) this.#free.push(piece)
      this.#freed.resolve()
      this.#freed = Promise.withResolvers()
    })()
  }
}

/** The table of each shape of COPY, with what the encoder of the feed says of it. */
export function tablesOf(
  topics: ReadonlyMap<number, number>,
  prepare: (relation: RelationSchema, topic: number) => number | Promise<number>,
): (shape: CopyShape) => PieceTable {
  const known = new Map<RelationSchema, PieceTable>()
  return (shape) => {
    let table = known.get(shape.relation)
    if (table === undefined) {
      const topic = topics.get(shape.relation.relid)
      const schema = topic === undefined ? undefined : prepare(shape.relation, topic)
      if (topic === undefined || typeof schema !== 'number')
        throw new FeedError('FEED_BUG', `rows of relation ${shape.relation.relid} cannot be split`)
      known.set(shape.relation, (table = { ...shape, topic, schema }))
    }
    return table
  }
}
