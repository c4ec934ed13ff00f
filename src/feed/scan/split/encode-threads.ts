// The threads that encode the pieces of one scan, as the thread of its feed sees them. It encodes itself when the others have
// enough to do.

import type { MessagePort } from 'node:worker_threads'
import type { FeedSpec } from '../../../core/feed-spec.ts'
import type { Hlc } from '../../../core/hlc.ts'
import { FeedError, fromWireError } from '../../../errors/feed-error.ts'
import type { FromEncoding, Piece, PieceTable, ToEncoding } from './piece.ts'
import type { PieceEncoder } from './piece-encoder.ts'

/** One that is being encoded, and one that is there when it is done. */
const mostWaiting = 2

interface Waiting {
  readonly piece: Piece
  readonly settle: PromiseWithResolvers<void>
}

class EncodeThread {
  readonly #port: MessagePort
  readonly #waiting: Waiting[] = []
  #table: PieceTable | undefined
  #lost: FeedError | undefined

  constructor(port: MessagePort, spec: FeedSpec, at: Hlc) {
    this.#port = port
    port.on('message', (message: FromEncoding) => this.#hear(message))
    port.on('close', () => this.#lose())
    this.#say({ tag: 'open', spec, at })
  }

  get load(): number {
    return this.#lost === undefined ? this.#waiting.length : Infinity
  }

  encode(piece: Piece, table: PieceTable): Promise<void> {
    if (table !== this.#table) this.#say({ tag: 'table', table })
    this.#table = table
    const { memory, transfer } = piece.give()
    const settle = Promise.withResolvers<void>()
    this.#waiting.push({ piece, settle })
    this.#say({ tag: 'piece', memory }, transfer)
    return settle.promise
  }

  close(): void {
    this.#port.close()
  }

  #say(message: ToEncoding, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer)
  }

  #hear(message: FromEncoding): void {
    const next = this.#waiting.shift()
    if (next === undefined) return
    const { piece, settle } = next
    if (message.tag === 'failed') return settle.reject(fromWireError(message.error))
    piece.take(message.memory)
    piece.batch.begunAtMs = performance.now() - message.ms
    settle.resolve()
  }

  /** The thread has died, or the scan has ended and nobody waits. */
  #lose(): void {
    this.#lost ??= new FeedError('FEED_THREAD', 'a thread that encoded rows of the scan stopped')
    for (const { settle } of this.#waiting.splice(0)) settle.reject(this.#lost)
  }
}

export interface EncodeThreadsOptions {
  readonly ports: readonly MessagePort[]
  readonly spec: FeedSpec
  readonly at: Hlc
  /** Encodes in this thread. */
  readonly own: PieceEncoder
}

export class EncodeThreads implements Disposable {
  readonly #own: PieceEncoder
  readonly #threads: readonly EncodeThread[]

  constructor({ ports, spec, at, own }: EncodeThreadsOptions) {
    this.#own = own
    this.#threads = ports.map((port) => new EncodeThread(port, spec, at))
  }

  /** How many pieces can be under way before this thread encodes itself. */
  get most(): number {
    return this.#threads.length * mostWaiting
  }

  /** Settles when the piece has its batch. `table` must be the same object for the same table. */
  async encode(piece: Piece, table: PieceTable): Promise<void> {
    let idlest: EncodeThread | undefined
    for (const thread of this.#threads) if (idlest === undefined || thread.load < idlest.load) idlest = thread
    if (idlest !== undefined && idlest.load < mostWaiting) await idlest.encode(piece, table)
    else this.#own.encode(piece, table)
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads) thread.close()
  }
}
