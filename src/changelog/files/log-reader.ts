// Reads a file changelog from a position on: the rest of one segment, then the next, up to the shared head. It keeps the
// file that it reads open, so that it can finish a segment which retention has removed; it then finds the next one missing. A
// reader that passes over the rest of a segment closes the file, which would otherwise keep its bytes on the disk.

import { closeSync, fstatSync } from 'node:fs'
import { FeedError } from '../../errors/feed-error.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { LogBlock, LogReader, Position } from '../changelog.ts'
import { BlockScanner } from './block-scanner.ts'
import type { LogHead } from './log-head.ts'
import { listSegments, openIfThere, type SegmentName } from './segment.ts'
import { MarkedTables } from './table-marks.ts'

/** A reader that jumps to a block reads only a few blocks, and only the headers of some. */
const jumpReadAheadBytes = 16 * 1024

export class FileLogReader implements LogReader {
  readonly #dir: string
  readonly #head: LogHead
  /** A number: the position in a segment that is not open. */
  #scanner: BlockScanner | number
  /** Whether the reader has seen the preamble of its first segment. */
  #hasRead = false
  readonly #marked = new MarkedTables()
  /** Reads blocks again: a second pass must not move the read-ahead of `#scanner`. */
  #again: BlockScanner | undefined
  /** Before this position, only blocks with schema records are returned. */
  readonly #from: number

  /** `jump`: nothing before `from` is read, not even schema records. */
  constructor(dir: string, head: LogHead, segment: SegmentName, from: number, jump = false) {
    this.#dir = dir
    this.#head = head
    this.#from = from
    this.#scanner = jump ? openScanner(segment, from, jumpReadAheadBytes) : openScanner(segment)
  }

  next(): LogBlock | undefined {
    for (;;) {
      const head = this.#head.head
      if (this.#position >= head) {
        const failure = this.#head.failure
        if (failure !== undefined) throw notWritten(failure)
        return undefined
      }
      const scanner = this.#open()
      const block = scanner.next(head)
      if (block === undefined) {
        this.#nextSegment(scanner)
        continue
      }
      this.#hasRead = true
      if (block.hasSchema || block.nextPosition > this.#from) return block
    }
  }

  readAt(position: Position): LogBlock {
    if (this.#again === undefined || position < this.#again.start || position >= this.#endOf(this.#again.start)) {
      const segment = listSegments(this.#dir).findLast(({ start }) => start <= position)
      if (segment === undefined) throw fellBehind(position, this.#head.tail)
      if (this.#again !== undefined) close(this.#again)
      this.#again = openScanner(segment)
      this.#againEnd = undefined
    }
    this.#again.limit = this.#head.head
    const block = this.#again.at(position)
    if (block === undefined) throw new FeedError('FEED_LOG_CORRUPT', `no changelog block at position ${position}`)
    return block
  }

  passOver(tables: readonly number[]): Hlc | undefined {
    // The preamble says what was known before: until it is read, every block may concern the reader.
    if (!this.#hasRead) return undefined
    const passed = this.#head.passOver(this.#position, this.#marked.of(tables))
    if (passed === undefined) return undefined
    this.#moveTo(passed.head)
    return passed.resolved
  }

  async wait(signal: AbortSignal, quiet?: Parameters<LogReader['wait']>[1]): Promise<void> {
    const late =
      quiet === undefined || !this.#hasRead ? undefined : { ms: quiet.ms, tables: this.#marked.of(quiet.tables) }
    await this.#head.waitPast(this.#position, signal, late)
  }

  [Symbol.dispose](): void {
    if (typeof this.#scanner !== 'number') close(this.#scanner)
    if (this.#again !== undefined) close(this.#again)
  }

  #againEnd: number | undefined

  /** Returns the start of the segment after the one that starts at `start`. */
  #endOf(start: number): number {
    if (this.#againEnd === undefined) {
      const next = listSegments(this.#dir).find((segment) => segment.start > start)?.start
      if (next === undefined) return Number.POSITIVE_INFINITY
      this.#againEnd = next
    }
    return this.#againEnd
  }

  get #position(): number {
    return typeof this.#scanner === 'number' ? this.#scanner : this.#scanner.position
  }

  #moveTo(position: number): void {
    const scanner = this.#scanner
    if (typeof scanner !== 'number') {
      // Segments follow each other without a gap: what the file is too short for lies in a later one.
      if (position - scanner.start <= fstatSync(scanner.fd).size) return scanner.moveTo(position)
      close(scanner)
    }
    this.#scanner = position
  }

  #open(): BlockScanner {
    if (typeof this.#scanner !== 'number') return this.#scanner
    const position = this.#scanner
    const segment = listSegments(this.#dir).findLast(({ start }) => start <= position)
    if (segment === undefined) throw fellBehind(position, this.#head.tail)
    this.#scanner = openScanner(segment)
    // A segment that starts there has its preamble first.
    if (segment.start < position) this.#scanner.moveTo(position)
    return this.#scanner
  }

  /** Opens the next segment, which starts exactly where this one ends. */
  #nextSegment(scanner: BlockScanner): void {
    const { position } = scanner
    const segment = listSegments(this.#dir).find(({ start }) => start === position)
    if (segment === undefined) {
      if (position < this.#head.tail) throw fellBehind(position, this.#head.tail)
      throw new FeedError(
        'FEED_LOG_CORRUPT',
        `the changelog has no readable block at position ${position}, before its head ${this.#head.head}`,
      )
    }
    const next = openScanner(segment)
    close(scanner)
    this.#scanner = next
  }
}

function openScanner(segment: SegmentName, position?: number, readAheadBytes?: number): BlockScanner {
  const file = openIfThere(segment)
  if (file === undefined) throw fellBehind(segment.start, undefined)
  return new BlockScanner(file.fd, segment.start, position, readAheadBytes)
}

function close(scanner: BlockScanner): void {
  closeSync(scanner.fd)
  scanner.release()
}

function notWritten(why: string): FeedError {
  return new FeedError('FEED_LOG_STOPPED', `the changelog is not written any more: ${why}`, {
    hint: 'the server tries again when a changefeed is started',
  })
}

function fellBehind(position: number, tail: number | undefined): FeedError {
  return new FeedError(
    'FEED_FELL_BEHIND',
    `the changefeed fell behind the retention of the changelog: position ${position} is no longer kept`,
    {
      detail: tail === undefined ? undefined : `the oldest position kept is ${tail}`,
      hint: 'raise changefeed.changelog.retention or changefeed.changelog.max_size, and start a new changefeed with an initial scan',
    },
  )
}
