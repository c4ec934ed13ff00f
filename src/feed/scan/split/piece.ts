// A piece of a scan: copied rows of one table as they came, and the batch of messages that they become. Both travel between
// the thread of the feed and a thread that encodes for it, without a copy. The thread of the feed owns all of this memory, so
// that it decides how many pieces are under way.

import type { CopyShape } from '../../../core/copy-run.ts'
import { MessageBatch, type BatchMemory } from '../../../core/message-batch.ts'
import type { FeedSpec } from '../../../core/feed-spec.ts'
import type { Hlc } from '../../../core/hlc.ts'
import type { WireError } from '../../../errors/feed-error.ts'

/** A piece that has so many bytes is encoded. Large enough that sending it costs nothing for a row. */
export const pieceBytes = 128 * 1024
/** Room for what a read from the socket adds. */
const startBytes = 3 * pieceBytes
const noBytes = Buffer.alloc(0)
/** Memory that one large row has made larger is not kept. */
const keepBytes = 4 * 1024 * 1024

/** The rows of a piece are of one table, whose messages have one topic and one schema. */
export interface PieceTable extends CopyShape {
  readonly topic: number
  readonly schema: number
}

export class Piece {
  bytes: Buffer
  length = 0
  readonly batch: MessageBatch

  /** With memory that another thread has given. */
  constructor(memory?: PieceMemory) {
    this.bytes = memory === undefined ? Buffer.allocUnsafeSlow(startBytes) : noBytes
    this.batch = new MessageBatch(memory === undefined ? 16 * 1024 : 0)
    if (memory !== undefined) this.take(memory)
  }

  /** Adds whole messages of COPY. */
  add(from: Buffer, start: number, end: number): void {
    const needed = this.length + end - start
    if (needed > this.bytes.length) {
      const bigger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * this.bytes.length, keepBytes)))
      this.bytes.copy(bigger, 0, 0, this.length)
      this.bytes = bigger
    }
    this.length += from.copy(this.bytes, this.length, start, end)
  }

  /** Called when the batch has been emitted. */
  clear(): void {
    this.length = 0
    if (this.bytes.length > keepBytes) this.bytes = Buffer.allocUnsafeSlow(startBytes)
    this.batch.clear()
  }

  give(): { readonly memory: PieceMemory; readonly transfer: ArrayBuffer[] } {
    const { memory: batch, transfer } = this.batch.give()
    const bytes = this.bytes as Uint8Array<ArrayBuffer>
    return { memory: { bytes, length: this.length, batch }, transfer: [bytes.buffer, ...transfer] }
  }

  take({ bytes, length, batch }: PieceMemory): void {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.length = length
    this.batch.take(batch)
  }
}

export interface PieceMemory {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly length: number
  readonly batch: BatchMemory
}

/** From the thread of the feed. Pieces are answered in their order. */
export type ToEncoding =
  | { readonly tag: 'open'; readonly spec: FeedSpec; readonly at: Hlc }
  /** Says what the pieces that follow are of. */
  | { readonly tag: 'table'; readonly table: PieceTable }
  | { readonly tag: 'piece'; readonly memory: PieceMemory }

export type FromEncoding =
  /** `ms`: how long it took. */
  | { readonly tag: 'encoded'; readonly memory: PieceMemory; readonly ms: number }
  | { readonly tag: 'failed'; readonly error: WireError }
