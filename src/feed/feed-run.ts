// What a running changefeed is given, and the counters that it shows. The main thread knows these without loading the code
// that runs a feed (run-feed.ts), which only the worker threads need.

import type { Changelog, Position } from '../changelog/changelog.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import type { Hlc } from '../core/hlc.ts'
import type { JobProgress } from '../core/job-progress.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { Sink } from '../sink/sink.ts'
import type { StatementCut } from './scan/statement-cut.ts'

export interface FeedRun {
  readonly spec: FeedSpec
  readonly log: Changelog
  readonly source: SourceConnection
  readonly sink: Sink
  /** Where a feed without cursor, scan and progress starts: a head of the log from before `startTime`. */
  readonly startPosition: Position
  /** The time of the statement on the source's clock. */
  readonly startTime: Hlc
  /** How far an earlier run of the same feed came. */
  readonly resume: JobProgress | undefined
  /** The cut of the statement, as long as it is held and its scan is not complete. */
  readonly statementCut?: StatementCut | undefined
  /** Makes progress durable; undefined: a feed without a job. Throws when the job is not this runner's any more. */
  readonly save: ((progress: JobProgress) => Promise<void>) | undefined
  /** Hears, now and then, what the cut of the scan waits for. */
  readonly waiting?: (why: string) => void
  /** Hears since when the scan reads a snapshot (ms); undefined: none any more. */
  readonly holdsSnapshot?: (sinceMs: number | undefined) => void
  readonly signal: AbortSignal
  readonly progress: FeedProgress
}

/** Counters that whoever runs the feed may read at any time. */
export interface FeedProgress {
  messages: number
  resolvedMessages: number
  bytes: number
  flushes: number
  /** Undefined during the initial scan. */
  frontier: Hlc | undefined
}

export function newProgress(): FeedProgress {
  return { messages: 0, resolvedMessages: 0, bytes: 0, flushes: 0, frontier: undefined }
}
