// What a feed is given to run, and the counters that it keeps. The main thread uses these types without loading the code
// that runs a feed (run-feed.ts), which only the worker threads need.

import type { MessagePort } from 'node:worker_threads'
import type { Changelog, Position } from '../changelog/changelog.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import type { Hlc } from '../core/hlc.ts'
import type { JobProgress } from '../core/job-progress.ts'
import type { FeedMeter } from '../core/feed-meter.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { Encoder } from '../encode/encoder.ts'
import type { Sink } from '../sink/sink.ts'
import type { CutTurn } from '../scan/cut-turn.ts'
import type { ScanReason } from './scan/scan-request.ts'
import type { StatementCut } from './scan/statement-cut.ts'

export interface FeedRun {
  readonly spec: FeedSpec
  readonly log: Changelog
  readonly source: SourceConnection
  readonly sink: Sink
  /** A head of the log from before `startTime`: a feed without cursor, scan and progress starts reading there. */
  readonly startPosition: Position
  /** The time of the statement on the source's clock. */
  readonly startTime: Hlc
  /** The progress that an earlier run of the same feed saved last. */
  readonly resume: JobProgress | undefined
  /** The cut that the statement has made for the initial scan; undefined: it is not held any more, or there was none. */
  readonly statementCut?: StatementCut | undefined
  /** Makes progress durable; undefined: the feed has no job. Throws when this server has lost its claim of the job. */
  readonly save: ((progress: JobProgress) => Promise<void>) | undefined
  /** Called now and then with what the start of a scan waits for. */
  readonly waiting?: (why: string) => void
  /** Writes a line into the log of the server. */
  readonly say?: (text: string) => void
  /** Called with what the encoder waits for at the schema registry; undefined: it waits for nothing any more. */
  readonly registryWaits?: (why: string | undefined) => void
  /** Called with the encoder of the feed before anything is emitted. */
  readonly encoderOpened?: (encoder: Encoder) => void
  /** Settles when the feed may open connections for a scan; undefined: it always may. */
  readonly scanTurn?: (reason: ScanReason) => Promise<CutTurn>
  /** Returns the ways to threads that encode rows of a scan, besides that of the feed; there may be none. */
  readonly encodePorts?: () => Promise<readonly MessagePort[]>
  /** Called when a scan has taken its snapshot, with the time in ms, and with undefined when it needs the snapshot no more. */
  readonly holdsSnapshot?: (sinceMs: number | undefined) => void
  readonly signal: AbortSignal
  readonly progress: FeedProgress
  /** What the feed counts. */
  readonly meter: FeedMeter
}

/** What may be read at any time while the feed runs. */
export interface FeedProgress {
  /** The frontier; undefined while the initial scan is not complete. */
  frontier: Hlc | undefined
  /** The ranges of pages that the present scan has not emitted yet; undefined: no scan is running. */
  pendingRanges: number | undefined
}

export function newProgress(): FeedProgress {
  return { frontier: undefined, pendingRanges: undefined }
}
