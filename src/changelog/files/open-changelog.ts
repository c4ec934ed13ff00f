// Opens a file changelog for reading, in any thread.

import { closeSync, openSync } from 'node:fs'
import { FeedError } from '../../errors/feed-error.ts'
import { compareHlc, formatHlc, type Hlc } from '../../core/hlc.ts'
import type { Changelog, LogReader } from '../changelog.ts'
import { BlockScanner } from './block-scanner.ts'
import { LogHead } from './log-head.ts'
import { FileLogReader } from './log-reader.ts'
import { listSegments, type SegmentName } from './segment.ts'

export function openChangelog(dir: string, shared: SharedArrayBuffer): Changelog {
  const head = new LogHead(shared)
  return {
    get head(): number {
      return head.head
    },
    get tail(): number {
      return head.tail
    },
    startOf(after: Hlc): number | undefined {
      return segmentFor(dir, after)?.start
    },
    readAfter(after: Hlc): LogReader {
      const segment = segmentFor(dir, after)
      if (segment === undefined) {
        const oldest = listSegments(dir)[0]
        throw new FeedError(
          'FEED_CURSOR_TOO_OLD',
          `could not create changefeed: cursor ${formatHlc(after)} is older than the GC threshold ${oldest === undefined ? 'of an empty changelog' : String(preambleOf(oldest).resolved.wall)}`,
          { hint: 'use a more recent cursor' },
        )
      }
      return new FileLogReader(dir, head, segment, segment.start)
    },
    readFrom(position: number): LogReader {
      const segment = listSegments(dir).findLast(({ start }) => start <= position)
      if (segment === undefined)
        throw new FeedError('FEED_FELL_BEHIND', `position ${position} of the changelog is no longer kept`)
      return new FileLogReader(dir, head, segment, position)
    },
  }
}

function segmentFor(dir: string, after: Hlc): SegmentName | undefined {
  return listSegments(dir).findLast((candidate) => startsAtOrBefore(candidate, after))
}

/** Whether nothing above `after` lies before the segment: neither a complete transaction nor the start of an open one. */
function startsAtOrBefore(segment: SegmentName, after: Hlc): boolean {
  const { resolved, open } = preambleOf(segment)
  return compareHlc(resolved, after) <= 0 && (open === undefined || compareHlc(open.ts, after) <= 0)
}

function preambleOf(segment: SegmentName): { readonly resolved: Hlc; readonly open: { readonly ts: Hlc } | undefined } {
  const fd = openSync(segment.path, 'r')
  try {
    const scanner = new BlockScanner(fd, segment.start)
    const block = scanner.at(scanner.position)
    if (block === undefined) throw new FeedError('FEED_LOG_CORRUPT', `${segment.path} has no preamble`)
    return { resolved: block.resolved, open: block.open }
  } finally {
    closeSync(fd)
  }
}
