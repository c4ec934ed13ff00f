// Keeps a file changelog for its writer: the folder of its segments, and the memory that it shares with its readers.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FeedError } from '../../errors/feed-error.ts'
import type { ChangelogKeeper, LogHandle } from '../changelog.ts'
import { LogHead } from './log-head.ts'
import { openWriter } from './open-writer.ts'
import { applyRetention } from './retention.ts'

/** The file that says which source the log belongs to. */
export const labelFile = 'source.json'

export function keepFiles({ dir, shared }: LogHandle): ChangelogKeeper {
  const head = new LogHead(shared)
  const label = join(dir, labelFile)
  return {
    status: head,
    where: dir,
    readLabel: () => (existsSync(label) ? readFileSync(label, 'utf8') : undefined),
    writeLabel(text) {
      try {
        writeFileSync(`${label}.new`, text, { flush: true, mode: 0o600 })
        renameSync(`${label}.new`, label)
      } catch (cause) {
        throw new FeedError('FEED_LOG_IO', `cannot write ${label}: ${(cause as Error).message}`, { cause })
      }
    },
    openWriter: () => openWriter(dir, head),
    retain: (nowMs, policy) => void applyRetention(dir, head, nowMs, policy),
    sourceAt(lsn) {
      head.sourceLsn = lsn
    },
    fail: (why) => head.fail(why),
    get closesAsked(): number {
      return head.closesAsked
    },
    closeAsked: (seen, signal) => head.closeAsked(seen, signal),
  }
}
