// A file changelog in the hands of its writer: the folder of its segments, and the words that it shares with its readers.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lsn } from '../../core/lsn.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { ChangelogKeeper, LogHandle, OpenedWriter, RetentionPolicy } from '../changelog.ts'
import { LogHead } from './log-head.ts'
import { openWriter } from './open-writer.ts'
import { applyRetention } from './retention.ts'

/** Of the text that says whose log it is. */
export const labelFile = 'source.json'

export function keepFiles({ dir, shared }: LogHandle): ChangelogKeeper {
  return new FilesKeeper(dir, new LogHead(shared))
}

class FilesKeeper implements ChangelogKeeper {
  readonly where: string
  readonly status: LogHead

  constructor(dir: string, head: LogHead) {
    this.where = dir
    this.status = head
  }

  readLabel(): string | undefined {
    const path = join(this.where, labelFile)
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined
  }

  writeLabel(text: string): void {
    const path = join(this.where, labelFile)
    try {
      writeFileSync(`${path}.new`, text, { flush: true, mode: 0o600 })
      renameSync(`${path}.new`, path)
    } catch (cause) {
      throw new FeedError('FEED_LOG_IO', `cannot write ${path}: ${(cause as Error).message}`, { cause })
    }
  }

  openWriter(): OpenedWriter {
    return openWriter(this.where, this.status)
  }

  retain(nowMs: number, policy: RetentionPolicy): void {
    applyRetention(this.where, this.status, nowMs, policy)
  }

  sourceAt(lsn: Lsn): void {
    this.status.sourceLsn = lsn
  }

  fail(why: string | undefined): void {
    this.status.fail(why)
  }

  get closesAsked(): number {
    return this.status.closesAsked
  }

  closeAsked(seen: number, signal: AbortSignal): Promise<void> {
    return this.status.closeAsked(seen, signal)
  }
}
