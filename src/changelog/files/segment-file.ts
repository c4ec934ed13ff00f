// Writes the segment file at the end of the log. Bytes are appended in the page cache, a sync makes durable what was written
// before it began, and a full segment is followed by a new one.
//
// After the first error of the disk nothing is written or synced any more: a second sync may succeed without having written
// what the first one could not.

import { closeSync, fdatasync, fsyncSync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { FeedError } from '../../errors/feed-error.ts'
import { openNewSegment, segmentHeader, syncDir, type SegmentName } from './segment.ts'

const sync = promisify(fdatasync)
/** The descriptor while no file is open. */
const noFile = -1

export class SegmentFile {
  readonly #dir: string
  readonly #now: () => number
  #fd = noFile
  #start: number
  #position: number
  #unsyncedBytes = 0
  #broken: FeedError | undefined
  /** Set while a sync runs on `#fd`, which must then not be closed. */
  #syncing: Promise<void> | undefined
  /** Files of earlier segments, to be closed when the sync that runs is done. */
  readonly #retired: number[] = []

  /** `position` is where the next byte of the log goes. No file is open before `create` or `continueIn`. */
  constructor(dir: string, position: number, now: () => number) {
    this.#dir = dir
    this.#now = now
    this.#start = this.#position = position
  }

  /** The position of the next byte. */
  get position(): number {
    return this.#position
  }

  /** The bytes of the segment so far. */
  get length(): number {
    return this.#position - this.#start
  }

  /** The written bytes that no sync has covered. */
  get unsyncedBytes(): number {
    return this.#unsyncedBytes
  }

  /** Continues in a segment that exists. */
  continueIn({ start, path }: SegmentName): void {
    this.#start = start
    this.#fd = openSync(path, 'r+')
  }

  /** Makes the segment that starts at the position, with its header. */
  create(): void {
    try {
      this.#fd = openNewSegment(this.#dir, this.#start)
      syncDir(this.#dir)
    } catch (error) {
      throw this.#break('make a segment in', error)
    }
    this.write(segmentHeader(this.#start, this.#now()))
  }

  write(bytes: Buffer): void {
    this.check()
    let written = 0
    try {
      while (written < bytes.length)
        written += writeSync(this.#fd, bytes, written, bytes.length - written, this.length + written)
    } catch (error) {
      throw this.#break('write', error)
    }
    this.#position += bytes.length
    this.#unsyncedBytes += bytes.length
  }

  /** Ends the segment and makes the next one. The old one is synced at once, because a later sync covers only the new one. */
  roll(): void {
    this.syncNow()
    if (this.#syncing === undefined) this.#closeFile()
    else {
      this.#retired.push(this.#fd)
      this.#fd = noFile
    }
    this.#start = this.#position
    this.create()
  }

  /** Makes durable what was written before the call. Calls must not overlap. */
  async sync(): Promise<void> {
    const covered = this.#unsyncedBytes
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#syncing = promise
    try {
      await sync(this.#fd)
    } catch (error) {
      throw this.#break('flush', error)
    } finally {
      this.#syncing = undefined
      for (const fd of this.#retired.splice(0)) closeSync(fd)
      resolve()
    }
    this.#unsyncedBytes -= covered
  }

  /** Makes everything durable at once, with the length of the file. */
  syncNow(): void {
    this.check()
    try {
      fsyncSync(this.#fd)
    } catch (error) {
      throw this.#break('flush', error)
    }
  }

  /** Throws the error after which nothing is written any more. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken
  }

  async close(): Promise<void> {
    await this.#syncing
    this.abandon()
  }

  /** Closes at once, while no sync runs. */
  abandon(): void {
    this.#broken ??= new FeedError('FEED_BUG', 'the changelog was closed')
    this.#closeFile()
  }

  /** Closes the descriptor once only: the same number may belong to another file later. */
  #closeFile(): void {
    const fd = this.#fd
    this.#fd = noFile
    if (fd !== noFile) closeSync(fd)
  }

  #break(what: string, error: unknown): FeedError {
    return (this.#broken ??= ioError(what, this.#dir, error))
  }
}

function ioError(what: string, dir: string, error: unknown): FeedError {
  const { code, message } = error as NodeJS.ErrnoException
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  return new FeedError(
    'FEED_LOG_IO',
    full ? `the disk of the changelog in ${dir} is full` : `cannot ${what} the changelog in ${dir}: ${message}`,
    {
      cause: error,
      hint: full
        ? 'free space on that disk, or lower changefeed.changelog.max_size; PostgreSQL keeps the changes until then'
        : undefined,
    },
  )
}
