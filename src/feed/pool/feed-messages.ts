// What the control plane and a feed worker say to each other.

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
  /** Of a job: how far it came before. */
  readonly resume?: JobProgress | undefined
  /** Of a job: the cut of its statement, while it is held. */
  readonly statementCut?: StatementCut | undefined
  /** Of a job: a scan whose sink stands still lets a snapshot go that is older. */
  readonly maxSnapshotAgeMs?: number
  /** Of a job: progress is saved through the control plane. */
  readonly isJob?: boolean
}

export type LogLevel = 'info' | 'warn' | 'error'

export type ToFeedWorker =
  /** Loads what feeds with this sink (`SinkSpec.tag`) need, because some are about to come. */
  | { readonly tag: 'prepare-sink'; readonly sink: string }
  | { readonly tag: 'start'; readonly feed: number; readonly start: FeedStart }
  /** So many bytes of rows have been taken by the client. */
  | { readonly tag: 'credit'; readonly feed: number; readonly bytes: number }
  /** The progress handed over last is durable, or will never be. */
  | { readonly tag: 'saved'; readonly feed: number; readonly error: WireError | undefined }
  | { readonly tag: 'stop'; readonly feed: number }

export type FromFeedWorker =
  /** DataRow messages; the buffer is transferred. */
  | { readonly tag: 'rows'; readonly feed: number; readonly messages: Uint8Array<ArrayBuffer> }
  /** What the start of the scan waits for. */
  | { readonly tag: 'waiting'; readonly feed: number; readonly why: string }
  /** What the sink waits for; undefined: nothing any more. */
  | { readonly tag: 'sink-waits'; readonly feed: number; readonly why: string | undefined }
  /** Make it durable, and answer `saved`. One at a time. */
  | { readonly tag: 'save'; readonly feed: number; readonly progress: JobProgress }
  | { readonly tag: 'log'; readonly feed: number; readonly level: LogLevel; readonly text: string }
  /** Of all feeds of the worker together: one message a second, however many they are. */
  | { readonly tag: 'progress'; readonly feeds: ReadonlyMap<number, FeedProgress> }
  /** The feed is over; nothing of it is left. */
  | { readonly tag: 'ended'; readonly feed: number; readonly error: WireError | undefined }
