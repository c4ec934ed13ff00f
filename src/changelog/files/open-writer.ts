// Opens a file changelog for writing. Everything that the log shows afterwards is on the disk, not only in the page cache,
// because ingest confirms it to the slot.

import { fsyncSync, rmSync, statSync, truncateSync } from 'node:fs'
import { FeedError } from '../../errors/feed-error.ts'
import type { OpenedWriter } from '../changelog.ts'
import type { LogHead } from './log-head.ts'
import { LogWriter } from './log-writer.ts'
import { recoverLog } from './recover.ts'
import { listSegments, openFile, syncDir } from './segment.ts'

export function openWriter(dir: string, head: LogHead): OpenedWriter {
  try {
    const shown = head.head
    if (shown > 0) cutBehind(dir, shown)
    const recovered = recoverLog(dir, shown)
    if (recovered.segment !== undefined) syncFile(recovered.segment.path)
    return {
      writer: new LogWriter({ dir, head, recovered, segmentBytes: testSegmentBytes() }),
      damage: recovered.damage,
      last: recovered.last,
    }
  } catch (error) {
    if (error instanceof FeedError) throw error
    throw new FeedError('FEED_LOG_IO', `cannot open the changelog in ${dir}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Tests of the whole program make segments small, so that a log of a few seconds has many. Not for production. */
function testSegmentBytes(): number | undefined {
  const text = process.env['CHANGEFEED_TEST_SEGMENT_BYTES']
  if (text === undefined || text === '') return undefined
  const bytes = Number(text)
  if (Number.isInteger(bytes) && bytes > 0) return bytes
  throw new FeedError('FEED_START', `CHANGEFEED_TEST_SEGMENT_BYTES is "${text}", which is not a number of bytes`)
}

/**
 * Removes what an earlier attempt of this server wrote after the durable head. After a failed sync the page cache may show
 * bytes that the disk does not have, so these bytes are not trusted; the slot still holds all of the changes.
 */
function cutBehind(dir: string, durable: number): void {
  const segments = listSegments(dir)
  while (segments.length > 1 && (segments.at(-1)?.start ?? 0) >= durable) {
    rmSync(segments.pop()?.path ?? '')
    syncDir(dir)
  }
  const last = segments.at(-1)
  if (last === undefined) return
  const kept = durable - last.start
  if (kept > 0 && statSync(last.path).size > kept) truncateSync(last.path, kept)
}

function syncFile(path: string): void {
  using file = openFile(path, 'r+')
  fsyncSync(file.fd)
}
