// What PostgreSQL said when it did not start, with what to do about it. It says some of it to its standard error, and from
// a certain moment on everything to files in its log folder.

import { closeSync, fstatSync, openSync, readdirSync, readSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'

const fullDisk = /No space left on device|ENOSPC|Check free disk space|Disk quota exceeded|EDQUOT/
/** With less than this PostgreSQL cannot make a segment of its write-ahead log, and may not even say so. */
const leastFreeBytes = 1024 * 1024
const walSegmentBytes = 16 * 1024 * 1024
const mostSaid = 4000

/** `where`: the folder whose disk it is about. */
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

/** What explains that a PostgreSQL went away: it cannot make a segment of its write-ahead log there. */
export function diskFailure(where: string): FeedError | undefined {
  return freeBytes(where) < walSegmentBytes ? diskFull(where) : undefined
}

/** What of the log files explains an end. The rest may be statements, with values of rows. */
const telling = /FATAL:|PANIC:|could not|was terminated by|HINT:/
const lastBytes = 64 * 1024
/** Times of files come from a clock of large steps. */
const clockGrainMs = 1000

/** What was written since `sinceMs` into the log folder of a data folder, as far as it explains an end. */
export function loggedSince(dir: string, sinceMs: number): string {
  try {
    const folder = join(dir, 'log')
    const paths = readdirSync(folder).map((name) => join(folder, name))
    const lines = paths
      .filter((path) => statSync(path).mtimeMs >= sinceMs - clockGrainMs)
      .flatMap((path) => lastOf(path).split('\n'))
    // A file goes on where the server before this one stopped.
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
