// The segment file that is being written: bytes go behind each other into the page cache, a sync makes durable what was
// written before it began, and a full segment gives way to a new one.
//
// The first refusal of the disk ends it. After that nothing is written or synced any more: a second sync may succeed
// without having written what the first one could not.

import { closeSync, fdatasync, fsyncSync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { FeedError } from '../../errors/feed-error.ts'
import { openNewSegment, segmentHeader, syncDir, type SegmentName } from './segment.ts'

const sync = promisify(fdatasync)
/** Not a file. */
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

  /** `position`: where the next byte of the log goes. Nothing is open before `create` or `continueIn`. */
  constructor(dir: string, position: number, now: () => number) {
    this.#dir = dir
    this.#now = now
    this.#start = this.#position = position
  }

  /** Where the next byte goes. */
  get position(): number {
    return this.#position
  }

  /** Bytes of the segment so far. */
  get length(): number {
    return this.#position - this.#start
  }

  /** Bytes written that no sync has covered. */
  get unsyncedBytes(): number {
    return this.#unsyncedBytes
  }

  /** Goes on in a segment that exists. */
  continueIn({ start, path }: SegmentName): void {
    this.#start = start
    this.#fd = openSync(path, 'r+')
  }

  /** Makes the segment that starts here, with its header. */
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

  /** Ends the segment and makes the next one. The old one is made durable here and now: a later sync is of the new one. */
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

  /** Makes durable what was written before. Calls must not overlap. */
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

  /** The same at once, with the length of the file. */
  syncNow(): void {
    this.check()
    try {
      fsyncSync(this.#fd)
    } catch (error) {
      throw this.#break('flush', error)
    }
  }

  /** Throws what has ended it. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken
  }

  async close(): Promise<void> {
    await this.#syncing
    this.abandon()
  }

  /** The same at once, while no sync runs. */
  abandon(): void {
    this.#broken ??= new FeedError('FEED_BUG', 'the changelog was closed')
    this.#closeFile()
  }

  /** Once only: the number may be another file's by the second time. */
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
