// Makes the error for a PostgreSQL that did not start, with its own messages and a hint. PostgreSQL writes the first messages to its
// standard error, and later ones to files in its log folder.

import { closeSync, fstatSync, openSync, readdirSync, readSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'

const fullDisk = /No space left on device|ENOSPC|Check free disk space|Disk quota exceeded|EDQUOT/
/** With less free space PostgreSQL cannot make a segment of its write-ahead log, and may not even report it. */
const leastFreeBytes = 1024 * 1024
const walSegmentBytes = 16 * 1024 * 1024
const mostSaid = 4000

/** `where` is a folder on the disk of the data folder. */
export function startFailure(what: string, output: string, where: string): FeedError {
  if (fullDisk.test(output) || freeBytes(where) < leastFreeBytes) return diskFull(where)
  const said = output
    .trim()
    .split('\n')
    .filter((line) => /FATAL|ERROR|PANIC|DETAIL:|error:|cannot|could not|invalid|unrecognized/.test(line))
    .join('; ')
  return new FeedError('FEED_START', `${what} failed: ${said === '' ? output.trim().slice(-500) : said}`)
}

function diskFull(where: string): FeedError {
  return new FeedError('FEED_START', `the disk of ${where} is full`, {
    hint: 'free space there, or choose another --store',
  })
}

/** Returns the error of a full disk, where PostgreSQL cannot make a segment of its write-ahead log. */
export function diskFailure(where: string): FeedError | undefined {
  return freeBytes(where) < walSegmentBytes ? diskFull(where) : undefined
}

/** The lines of the log that explain why PostgreSQL ended. Other lines may be statements with values of rows. */
const telling = /FATAL:|PANIC:|could not|was terminated by|HINT:/
const lastBytes = 64 * 1024
/** The resolution of the times of files. */
const clockGrainMs = 1000

/** Returns the lines that explain an end of PostgreSQL and that were written to its log since `sinceMs`. */
export function loggedSince(dir: string, sinceMs: number): string {
  try {
    const folder = join(dir, 'log')
    const paths = readdirSync(folder).map((name) => join(folder, name))
    const lines = paths
      .filter((path) => statSync(path).mtimeMs >= sinceMs - clockGrainMs)
      .flatMap((path) => lastOf(path).split('\n'))
    // The file also contains the lines of the previous postmaster.
    const first = lines.findLastIndex((line) => line.includes('LOG:  starting PostgreSQL'))
    return lines
      .slice(Math.max(first, 0))
      .filter((line) => telling.test(line))
      .join('\n')
      .slice(-mostSaid)
  } catch {
    return ''
  }
}

function lastOf(path: string): string {
  const fd = openSync(path, 'r')
  try {
    const { size } = fstatSync(fd)
    const bytes = Buffer.alloc(Math.min(size, lastBytes))
    const got = readSync(fd, bytes, 0, bytes.length, size - bytes.length)
    return bytes.toString('utf8', 0, got)
  } finally {
    closeSync(fd)
  }
}

function freeBytes(where: string): number {
  try {
    const { bavail, bsize } = statfsSync(where)
    return bavail * bsize
  } catch {
    return Infinity
  }
}
