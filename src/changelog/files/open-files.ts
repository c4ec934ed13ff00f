// Opens a file changelog for reading, in any thread.

import { FeedError } from '../../errors/feed-error.ts'
import { compareHlc, formatHlc, laterHlc, zeroHlc, type Hlc } from '../../core/hlc.ts'
import { oldCursorHint } from '../../core/old-cursor-hint.ts'
import type { Changelog, LogBlock, LogHandle, LogReader, Position } from '../changelog.ts'
import { BlockScanner } from './block-scanner.ts'
import { LogHead } from './log-head.ts'
import { FileLogReader } from './log-reader.ts'
import { readNote } from './notes.ts'
import { listSegments, openIfThere, readSegmentHeader, type SegmentName } from './segment.ts'

export function openFiles({ dir, shared }: LogHandle): Changelog {
  const head = new LogHead(shared)
  return {
    status: head,
    meter: head.meter,
    startedMs(): number | undefined {
      try {
        const [oldest] = published(dir, head)
        if (oldest === undefined) return undefined
        using file = openIfThere(oldest)
        return file === undefined ? undefined : readSegmentHeader(file.fd, oldest)?.createdMs
      } catch {
        // Damage is reported by whoever reads the segment.
        return undefined
      }
    },
    startOf(after: Hlc): Position | undefined {
      return segmentFor(dir, head, after)?.start as Position | undefined
    },
    readAfter(after: Hlc): LogReader {
      const segment = segmentFor(dir, head, after)
      if (segment === undefined) {
        const oldest = published(dir, head)[0]
        const start = oldest === undefined ? undefined : startOf(oldest, head)
        throw new FeedError(
          'FEED_CURSOR_TOO_OLD',
          `could not create changefeed: cursor ${formatHlc(after)} is older than the GC threshold ${start === undefined ? 'of an empty changelog' : String(start.resolved.wall)}`,
          { hint: hintOf(after, start) },
        )
      }
      return new FileLogReader(dir, head, segment, segment.start)
    },
    readFrom: (position) => new FileLogReader(dir, head, segmentAt(dir, position), position),
    jumpTo: (position) => new FileLogReader(dir, head, segmentAt(dir, position), position, true),
    closeNow: () => head.closeNow(),
    readNote: (name) => readNote(dir, name),
  }
}

function hintOf(cursor: Hlc, start: LogBlock | undefined): string {
  if (start === undefined) return oldCursorHint({ cursor, since: undefined, why: 'the changelog has no changes yet' })
  const { resolved, open } = start
  return oldCursorHint({
    cursor,
    since: open === undefined ? resolved : laterHlc(open.ts, resolved),
    why: 'the changelog keeps changes for changefeed.changelog.retention, and at most changefeed.changelog.max_size of them',
  })
}

function segmentAt(dir: string, position: number): SegmentName {
  const segment = listSegments(dir).findLast(({ start }) => start <= position)
  if (segment !== undefined) return segment
  throw new FeedError('FEED_FELL_BEHIND', `position ${position} of the changelog is no longer kept`)
}

/** The segments with something durable in them. The writer makes a segment before it fills it, and readers must not open it yet. */
function published(dir: string, head: LogHead): SegmentName[] {
  const durable = head.head
  return listSegments(dir).filter(({ start }) => start < durable)
}

function segmentFor(dir: string, head: LogHead, after: Hlc): SegmentName | undefined {
  return published(dir, head).findLast((candidate) => startsAtOrBefore(candidate, head, after))
}

/** Whether nothing above `after` lies before the segment: neither a complete transaction nor the start of an open one. */
function startsAtOrBefore(segment: SegmentName, head: LogHead, after: Hlc): boolean {
  const start = startOf(segment, head)
  if (start === undefined) return false
  const { resolved, open } = start
  return compareHlc(resolved, after) <= 0 && (open === undefined || compareHlc(open.ts, after) <= 0)
}

/**
 * Returns the block whose `resolved` says where the segment starts: everything above that timestamp lies in the segment or in
 * a later one. Returns undefined if retention has just removed the segment.
 */
function startOf(segment: SegmentName, head: LogHead): LogBlock | undefined {
  using file = openIfThere(segment)
  if (file === undefined) return undefined
  const scanner = new BlockScanner(file.fd, segment.start)
  const preamble = scanner.next(head.head)
  if (preamble === undefined) throw new FeedError('FEED_LOG_CORRUPT', `${segment.path} has no preamble`)
  // The preamble of a log's first segment says that everything is known from the beginning of time. In truth nothing is
  // known from before the first block: an earlier log may have been lost.
  const first = compareHlc(preamble.resolved, zeroHlc) === 0 ? scanner.next(head.head) : undefined
  return first ?? preamble
}
