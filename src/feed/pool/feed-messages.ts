// The messages between the main thread and a feed worker.

import type { MessagePort } from 'node:worker_threads'
import type { LogHandle } from '../../changelog/changelog.ts'
import type { JobProgress } from '../../core/job-progress.ts'
import type { WireError } from '../../errors/feed-error.ts'
import type { FeedProgress, FeedRun } from '../feed-run.ts'
import type { ScanReason } from '../scan/scan-request.ts'

type RunFacts = Pick<FeedRun, 'spec' | 'source' | 'startPosition' | 'startTime' | 'statementCut'>

export interface FeedStart extends RunFacts, Partial<Pick<FeedRun, 'resume'>> {
  readonly log: LogHandle
  /** A scan whose sink takes nothing gives up a snapshot that is older. */
  readonly maxSnapshotAgeMs?: number
  /** The main thread saves the progress of the feed. */
  readonly isJob?: boolean
}

/** A start with what the pool adds. */
export interface PooledStart extends FeedStart {
  /** The memory of the meter in which the feed counts. */
  readonly meter: SharedArrayBuffer
}

export type LogLevel = 'info' | 'warn' | 'error'

export type ToFeedWorker =
  /** Loads the code of a sink (`SinkSpec.tag`), because feeds with this sink are about to start. */
  | { readonly tag: 'prepare-sink'; readonly sink: string }
  | { readonly tag: 'start'; readonly feed: number; readonly start: PooledStart }
  /** The client has taken so many bytes of rows. */
  | { readonly tag: 'credit'; readonly feed: number; readonly bytes: number }
  /** Answers `save`: the progress is durable, or it was not saved because of the error. */
  | { readonly tag: 'saved'; readonly feed: number; readonly error: WireError | undefined }
  /** Answers `scan-turn`. */
  | { readonly tag: 'scan-granted'; readonly feed: number }
  /** Another feed waits for the turn: the connections are to be closed, and `scan-over` to be said. */
  | { readonly tag: 'scan-wanted'; readonly feed: number }
  /** Answers `encode-threads`. The ports are transferred. */
  | { readonly tag: 'encode-ports'; readonly feed: number; readonly ports: readonly MessagePort[] }
  /** The worker encodes rows of a scan for a feed in another worker, which is at the other end of the port. */
  | { readonly tag: 'encode-for'; readonly port: MessagePort }
  | { readonly tag: 'stop'; readonly feed: number }

export type FromFeedWorker =
  /** DataRow messages, whose buffer is transferred. */
  | { readonly tag: 'rows'; readonly feed: number; readonly messages: Uint8Array<ArrayBuffer> }
  /** The start of the scan waits for something. */
  | { readonly tag: 'waiting'; readonly feed: number; readonly why: string }
  /** The sink waits for something; undefined: it waits for nothing. */
  | { readonly tag: 'sink-waits'; readonly feed: number; readonly why: string | undefined }
  /** The encoder waits for the schema registry; undefined: it waits for nothing. */
  | { readonly tag: 'registry-waits'; readonly feed: number; readonly why: string | undefined }
  /** Asks to make the progress durable. The next one is sent when `saved` has answered. */
  | { readonly tag: 'save'; readonly feed: number; readonly progress: JobProgress }
  /** Asks for a turn to open connections for a scan. `scan-over` gives it back. */
  | { readonly tag: 'scan-turn'; readonly feed: number; readonly reason: ScanReason }
  /** The feed has a turn and does not get on; said once a second. */
  | { readonly tag: 'scan-stalled'; readonly feed: number }
  | { readonly tag: 'scan-over'; readonly feed: number }
  /** Asks for ways to the other workers, which are to encode rows of a large scan. */
  | { readonly tag: 'encode-threads'; readonly feed: number }
  | { readonly tag: 'log'; readonly feed: number; readonly level: LogLevel; readonly text: string }
  /** How far all feeds of the worker are, in one message a second. */
  | { readonly tag: 'progress'; readonly feeds: ReadonlyMap<number, FeedProgress> }
  /** The feed has ended, and nothing of it is left in the worker. */
  | { readonly tag: 'ended'; readonly feed: number; readonly error: WireError | undefined }
