// Walks the blocks of one segment file in order, through a buffer of its own. Used by readers (which trust what is
// durable) and by recovery (which trusts nothing).

import { readSync } from 'node:fs'
import { freeBuffer } from '../../bytes/free-buffer.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { ParsedBlock, hasHeaderCrc, isBlockHeader, isHeaderIntact, leastHeaderBytes } from './block-format.ts'
import { segmentHeaderBytes } from './segment.ts'

/** How far a scanner reads ahead, far from the head. Near the head there is less to read, and each of many feeds has a buffer. */
const defaultReadAheadBytes = 512 * 1024
const leastBytes = 16 * 1024
/** A buffer larger than this, made for a large block, is freed. */
const keepBytes = 4 * 1024 * 1024

export class BlockScanner {
  readonly fd: number
  readonly start: number
  #position: number
  /**
   * Nothing at or after this position is read, not even ahead: bytes that are not published yet may be cut off by a recovery
   * and replaced by others, and a buffer that holds them would show what never happened.
   */
  limit = Number.POSITIVE_INFINITY
  #buffer = Buffer.allocUnsafeSlow(leastBytes)
  /** `#buffer[0, #filled)` holds the file's bytes from position `#base`. */
  #base = 0
  #filled = 0
  readonly #load = (block: ParsedBlock): Buffer => {
    const offset = this.#bring(block.position, block.totalBytes)
    if (offset < 0)
      throw new FeedError('FEED_LOG_CORRUPT', `the changelog ends inside its block at position ${block.position}`)
    return this.#buffer.subarray(offset, offset + block.totalBytes)
  }

  readonly #readAheadBytes: number

  /** `position`: of the first block to show; by default the segment's first. */
  constructor(
    fd: number,
    start: number,
    position = start + segmentHeaderBytes,
    readAheadBytes = defaultReadAheadBytes,
  ) {
    this.fd = fd
    this.start = start
    this.#position = position
    this.#readAheadBytes = readAheadBytes
  }

  /** Bytes of memory that the scanner holds. */
  get heldBytes(): number {
    return this.#buffer.length
  }

  /** Frees the buffer. To be called when neither the scanner nor one of its blocks is used any more. */
  release(): void {
    if (this.#buffer.length > keepBytes) freeBuffer(this.#buffer)
    this.#buffer = Buffer.alloc(0)
    this.#filled = 0
  }

  /** Position of the next block. */
  get position(): number {
    return this.#position
  }

  /** Moves to a later block of this segment, or to its end. No block of before may be used any more. */
  moveTo(position: number): void {
    this.#position = position
    if (this.#buffer.length <= keepBytes) return
    freeBuffer(this.#buffer)
    this.#buffer = Buffer.allocUnsafeSlow(leastBytes)
    this.#filled = 0
  }

  /** The next block's header if one starts before `limit` (an absolute position) and is whole; undefined otherwise. */
  next(limit: number): ParsedBlock | undefined {
    this.limit = limit
    if (this.#position + leastHeaderBytes > limit) return undefined
    const block = this.at(this.#position)
    if (block === undefined || block.nextPosition > limit) return undefined
    this.#position = block.nextPosition
    return block
  }

  /** The block at a position of this segment; undefined: there is none, or its header is not what was written. */
  at(position: number): ParsedBlock | undefined {
    const offset = this.#bring(position, leastHeaderBytes)
    if (offset < 0 || !isBlockHeader(this.#buffer, offset, this.#filled - offset)) return undefined
    const whole = this.#bring(position, this.#buffer.readUInt16BE(offset + 12))
    if (whole < 0) return undefined
    const hasCrc = hasHeaderCrc(this.#buffer, whole)
    if (hasCrc && !isHeaderIntact(this.#buffer, whole)) return undefined
    const block = new ParsedBlock(this.#buffer, whole, position, this.#load)
    if (hasCrc) return block
    if (block.nextPosition > this.limit) return undefined
    // A block of the first format: only the checksum of the whole block says that its header is right.
    block.payload()
    return block
  }

  /** Reads `[position, position + n)` into the buffer and returns its offset there; -1 when the file ends before. */
  #bring(position: number, n: number): number {
    const offset = position - this.#base
    if (offset >= 0 && offset + n <= this.#filled) return offset
    // Bytes that the buffer holds already move to its front, so that they are not read twice.
    const held = offset >= 0 && offset < this.#filled ? this.#buffer.subarray(offset, this.#filled) : undefined
    const wanted = Math.max(n, Math.min(this.limit - position, this.#readAheadBytes))
    const before = this.#buffer
    if (wanted > before.length) {
      // A large block gets exactly its size: doubling would take twice as much.
      this.#buffer = Buffer.allocUnsafeSlow(n > this.#readAheadBytes ? n : Math.max(wanted, 2 * before.length))
    } else if (before.length > keepBytes && wanted <= this.#readAheadBytes) {
      // The large block has been read; the next blocks need no more than usual.
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(wanted, leastBytes))
    }
    // Read before the buffer is freed: a view of a freed buffer is empty.
    const heldBytes = held?.length ?? 0
    if (held !== undefined) this.#buffer.set(held)
    if (before !== this.#buffer && before.length > keepBytes) freeBuffer(before)
    this.#base = position
    this.#filled = heldBytes
    const most = Math.min(this.#buffer.length, this.limit - position)
    while (this.#filled < n) {
      if (this.#filled >= most) return -1
      const got = readSync(
        this.fd,
        this.#buffer,
        this.#filled,
        most - this.#filled,
        position - this.start + this.#filled,
      )
      if (got === 0) return -1
      this.#filled += got
    }
    return 0
  }
}
