// Jobs: changefeeds that run in the background, whoever is connected. A job is a row of the system database: what to run,
// how far it came, and which server runs it. This room moves that row from state to state and keeps the feed running as
// the row says; what running a feed takes is handed in (`JobStarter`). It refuses to know SQL statements and sinks.
//
// Which state may follow which is one table: transitions.ts, with its picture.
//
// A server owns a job while its lease lasts, and each claim has a new epoch. Progress is saved only by the epoch that
// holds the claim, so a server that was thought dead can save nothing, and so resolve nothing.

import type { FeedSpec, SinkSpec } from '../core/feed-spec.ts'
import type { JobProgress } from '../core/job-progress.ts'
import type { LogLevel } from '../feed/pool/feed-messages.ts'

export type JobStatus =
  | 'running'
  | 'pause-requested'
  | 'paused'
  | 'cancel-requested'
  | 'canceled'
  | 'succeeded'
  | 'failed'

export type JobVerb = 'pause' | 'resume' | 'cancel'

/** How a run of a job ended, as the server says that ran it: the job is paused or over. */
export type JobEnd = 'paused' | 'canceled' | 'succeeded' | 'failed'

/** What a job is to do; never changes. */
export interface JobPayload {
  readonly spec: FeedSpec
  readonly onError: 'fail' | 'pause'
}

/** Without the sink, which may hold credentials. */
export interface StoredPayload extends Omit<JobPayload, 'spec'> {
  readonly spec: Omit<FeedSpec, 'sink'>
}

export interface NewJob {
  /** From `newId`: whoever asks for the job can name it, also when the answer is lost. */
  readonly id: string
  readonly description: string
  readonly user: string
  readonly payload: JobPayload
  readonly progress: JobProgress
}

/** A job that this server owns. */
export interface ClaimedJob {
  readonly id: string
  readonly epoch: string
  readonly status: JobStatus
  /** Whose rights it needs. */
  readonly user: string
  readonly payload: StoredPayload
  /** Throws when its credentials cannot be read. */
  readonly sink: () => SinkSpec
  readonly progress: JobProgress
}

export interface JobHandlers {
  /** How far an earlier run came. */
  readonly resume: JobProgress
  /** Throws when the claim is lost. */
  save(progress: JobProgress): Promise<void>
  log(level: LogLevel, text: string): void
  /** What the feed waits for, shown as its running_status; undefined: nothing any more. */
  status(text: string | undefined): void
  readonly signal: AbortSignal
}

/** Runs a job's feed; settles at its own end, throws what ended it or the signal's reason. */
export type JobStarter = (job: ClaimedJob, handlers: JobHandlers) => Promise<void>
