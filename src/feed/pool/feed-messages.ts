// The messages between the main thread and a feed worker.

import type { LogHandle, Position } from '../../changelog/changelog.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { JobProgress } from '../../core/job-progress.ts'
import type { WireError } from '../../errors/feed-error.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'
import type { StatementCut } from '../scan/statement-cut.ts'
import type { FeedProgress } from '../feed-run.ts'

export interface FeedStart {
  readonly spec: FeedSpec
  readonly log: LogHandle
  readonly source: SourceConnection
  readonly startPosition: Position
  readonly startTime: Hlc
  /** The progress that an earlier run of the job saved last. */
  readonly resume?: JobProgress | undefined
  /** The cut that the statement of the job has made, while it is held. */
  readonly statementCut?: StatementCut | undefined
  /** The scan of a job gives up a snapshot that is older while its sink takes nothing. */
  readonly maxSnapshotAgeMs?: number
  /** The progress is saved, by the main thread. */
  readonly isJob?: boolean
}

export type LogLevel = 'info' | 'warn' | 'error'

export type ToFeedWorker =
  /** Loads what feeds with this sink (`SinkSpec.tag`) need, because some are about to come. */
  | { readonly tag: 'prepare-sink'; readonly sink: string }
  | { readonly tag: 'start'; readonly feed: number; readonly start: FeedStart }
  /** The client has taken so many bytes of rows. */
  | { readonly tag: 'credit'; readonly feed: number; readonly bytes: number }
  /** Answers `save`: the progress is durable, or it was not saved because of the error. */
  | { readonly tag: 'saved'; readonly feed: number; readonly error: WireError | undefined }
  | { readonly tag: 'stop'; readonly feed: number }

export type FromFeedWorker =
  /** DataRow messages, whose buffer is transferred. */
  | { readonly tag: 'rows'; readonly feed: number; readonly messages: Uint8Array<ArrayBuffer> }
  /** The start of the scan waits for something. */
  | { readonly tag: 'waiting'; readonly feed: number; readonly why: string }
  /** The sink waits for something; undefined: it waits for nothing. */
  | { readonly tag: 'sink-waits'; readonly feed: number; readonly why: string | undefined }
  /** Asks to make the progress durable. The next one is sent when `saved` has answered. */
  | { readonly tag: 'save'; readonly feed: number; readonly progress: JobProgress }
  | { readonly tag: 'log'; readonly feed: number; readonly level: LogLevel; readonly text: string }
  /** The counters of all feeds of the worker, in one message a second. */
  | { readonly tag: 'progress'; readonly feeds: ReadonlyMap<number, FeedProgress> }
  /** The feed has ended, and nothing of it is left in the worker. */
  | { readonly tag: 'ended'; readonly feed: number; readonly error: WireError | undefined }
