// Finds where the log of an earlier run ends. Everything after the last block that ended complete was never shown to a
// reader nor confirmed to the slot, so it is cut off: a block that was written in part, or the beginning of a transaction
// whose commit is missing. Bytes that the disk has changed look like an incomplete write. So `damage` says where the bytes
// became unreadable; if the slot does not hold these changes any more, they are a gap with this reason.

import { fsyncSync, fstatSync, ftruncateSync, rmSync } from 'node:fs'
import { FeedError } from '../../errors/feed-error.ts'
import { zeroHlc, type Hlc } from '../../core/hlc.ts'
import { zeroLsn, type Lsn } from '../../core/lsn.ts'
import type { LastTransaction } from '../changelog.ts'
import { describedBy, lengthBytes, record, recordEnd, relationOf } from '../records.ts'
import { flag } from './block-format.ts'
import { BlockScanner } from './block-scanner.ts'
import type { KnownTable } from './known-tables.ts'
import { findLast } from './last-transaction.ts'
import { listSegments, makeLogDir, openFile, readSegmentHeader, syncDir, type SegmentName } from './segment.ts'

export interface Recovered {
  /** The segment to continue in; undefined: a new one must be made at `position`. */
  readonly segment: SegmentName | undefined
  /** The position of the next block. */
  readonly position: number
  /** Position of the oldest block kept. */
  readonly tail: number
  readonly resolved: Hlc
  /** Zero for a new log. */
  readonly endLsn: Lsn
  readonly known: Map<number, KnownTable>
  readonly last: LastTransaction
  /** The segment is of an earlier format: what is written next goes into a new one. */
  readonly isOldFormat: boolean
  /** Says at which position the bytes are unreadable; undefined: nothing is damaged. */
  readonly damage: string | undefined
}

interface Found extends Pick<Recovered, 'position' | 'resolved' | 'endLsn' | 'known'> {
  /** The last transaction; undefined if it is in an earlier segment. */
  readonly last: LastTransaction | undefined
}

interface Scanned extends Pick<Recovered, 'isOldFormat' | 'damage'> {
  /** The last transaction that begins in the segment, complete or not. */
  readonly begun: LastTransaction | undefined
  /** The end of the last block that ends complete; undefined: the segment has none. */
  readonly found: Found | undefined
}

/**
 * Repairs the log in `dir` (made when missing) and says where it ends. Only the writer may call it. `shown`: how
 * far readers of this process may have read, zero for none. What they have read can be neither removed nor replaced.
 */
export function recoverLog(dir: string, shown = 0): Recovered {
  makeLogDir(dir)
  const segments = listSegments(dir)
  const tail = segments[0]?.start ?? 0
  let damage: string | undefined
  for (let segment = segments.pop(); segment !== undefined; segment = segments.pop()) {
    const scanned = scanSegment(segment)
    // Segments are read from the last to the first, and the first damage is the one to report.
    damage = scanned.damage ?? damage
    if (Math.max(scanned.found?.position ?? 0, segment.start) < shown)
      throw damaged(dir, shown, scanned.found?.position ?? segment.start, damage)
    if (scanned.found !== undefined) {
      cutAt(segment, scanned.found.position)
      const last = scanned.found.last ?? lastOfEarlier(segments)
      return { segment, tail, ...scanned.found, last, isOldFormat: scanned.isOldFormat, damage }
    }
    // No block of the segment ends complete: it holds only a part of an unfinished transaction.
    rmSync(segment.path)
    // Without this the file could come back after a power cut, and end a log that has grown further.
    syncDir(dir)
  }
  if (shown > 0) throw damaged(dir, shown, 0, damage)
  return {
    segment: undefined,
    position: tail,
    tail,
    resolved: zeroHlc,
    endLsn: zeroLsn,
    known: new Map(),
    last: { tag: 'none' },
    isOldFormat: false,
    damage,
  }
}

/** The last transaction of earlier segments. It is complete, because the log continues after it. */
function lastOfEarlier(segments: readonly SegmentName[]): LastTransaction {
  for (const segment of segments.toReversed()) {
    const { begun } = scanSegment(segment)
    if (begun !== undefined) return begun
  }
  return { tag: 'none' }
}

function damaged(dir: string, shown: number, readable: number, damage: string | undefined): FeedError {
  return new FeedError(
    'FEED_LOG_CORRUPT',
    `the changelog in ${dir} was durable up to position ${shown} and can be read up to ${readable} only`,
    {
      detail: damage ?? 'files are missing',
      hint: 'the disk has returned other bytes than were written, or somebody has removed files; when the server is started again, the feeds whose changes are gone end with an error',
    },
  )
}

function scanSegment(segment: SegmentName): Scanned {
  using file = openFile(segment.path, 'r')
  const { fd } = file
  const header = readSegmentHeader(fd, segment)
  if (header === undefined) return { found: undefined, begun: undefined, isOldFormat: false, damage: undefined }
  const { isOldFormat } = header
  const limit = segment.start + fstatSync(fd).size
  const scanner = new BlockScanner(fd, segment.start)
  const known: Found['known'] = new Map()
  let found: Found | undefined
  let begun: LastTransaction | undefined
  let damage: string | undefined
  let knownNow: Found['known'] = new Map()
  for (;;) {
    let block
    let payload: Buffer
    try {
      block = scanner.next(limit)
      if (block === undefined) break
      payload = block.payload()
    } catch (error) {
      if (!(error instanceof FeedError)) throw error
      damage = `${segment.path}: ${error.message}`
      break
    }
    if (block.hasSchema) {
      noteKnown(payload, known)
      knownNow = new Map([...known].map(([relid, records]) => [relid, { ...records }]))
    }
    begun = findLast(payload) ?? begun
    if (!block.continues) {
      found = {
        last: begun,
        position: block.nextPosition,
        resolved: block.resolved,
        endLsn: block.endLsn,
        known: knownNow,
      }
    }
    if ((block.flags & flag.preamble) !== 0 && block.position !== segment.start + 32) {
      throw new FeedError('FEED_LOG_CORRUPT', `${segment.path} has a preamble in its middle`)
    }
  }
  const readable = scanner.position
  if (damage === undefined && readable < limit)
    damage = `${segment.path}: no readable block at position ${readable}, ${limit - readable} bytes before its end`
  return { found, begun, isOldFormat, damage }
}

/** Keeps the latest schema and relation record of each relation in a payload. */
function noteKnown(payload: Buffer, known: Found['known']): void {
  for (let at = 0; at < payload.length;) {
    const start = at + lengthBytes
    at = recordEnd(payload, start)
    const tag = payload[start]
    if (tag === record.schema) {
      const { relid, dropped } = describedBy(payload, start, at)
      if (dropped === true) known.delete(relid)
      else known.set(relid, { ...known.get(relid), schema: Buffer.from(payload.subarray(start, at)) })
    } else if (tag === record.relation) {
      const relid = relationOf(payload, start)
      known.set(relid, { ...known.get(relid), relation: Buffer.from(payload.subarray(start, at)) })
    }
  }
}

function cutAt(segment: SegmentName, position: number): void {
  using file = openFile(segment.path, 'r+')
  if (fstatSync(file.fd).size <= position - segment.start) return
  ftruncateSync(file.fd, position - segment.start)
  fsyncSync(file.fd)
}
