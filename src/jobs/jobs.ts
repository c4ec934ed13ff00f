// Jobs: changefeeds that run in the background, without a client. A job is a row of the system database, which says what to
// run, its progress, and which server runs it. This room changes the status in the row and keeps the feed running as the row
// says; `JobStarter` runs a feed for it. It refuses to know SQL statements and sinks.
//
// Which status may follow which is one table with a picture, in transitions.ts.
//
// A server owns a job while its lease lasts, and each claim has a new epoch. Progress is saved only by the epoch that
// holds the claim, so a server that was thought dead can save nothing, and so resolve nothing.

import type { FeedSpec, RegistrySpec, SinkSpec } from '../core/feed-spec.ts'
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

/** How a run of a job ended, as reported by the server that ran it. */
export type JobEnd = 'paused' | 'canceled' | 'succeeded' | 'failed'

/** What a job does; it never changes. */
export interface JobPayload {
  readonly spec: FeedSpec
  readonly onError: 'fail' | 'pause'
}

/** The payload without the sink and the schema registry, which may contain credentials. */
export interface StoredPayload extends Omit<JobPayload, 'spec'> {
  readonly spec: Omit<FeedSpec, 'sink' | 'registry'>
}

export interface NewJob {
  /** An id from `newId`, so that the caller knows the id even if the answer of PostgreSQL is lost. */
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
  /** The owner of the job, whose rights it needs. */
  readonly user: string
  readonly payload: StoredPayload
  /** Decrypts the sink; throws if its credentials cannot be read. */
  readonly sink: () => SinkSpec
  /** Does the same with the schema registry; undefined: the job has none. */
  readonly registry: () => RegistrySpec | undefined
  readonly progress: JobProgress
  readonly createdMs: number
}

export interface JobHandlers {
  /** The progress that an earlier run has saved. */
  readonly resume: JobProgress
  /** Saves progress; throws if the claim is lost. */
  save(progress: JobProgress): Promise<void>
  log(level: LogLevel, text: string): void
  /** Reports what the feed waits for, which is shown as its running_status; undefined if it waits for nothing any more. */
  status(text: string | undefined): void
  readonly signal: AbortSignal
}

/** Runs the feed of a job. It settles when the feed has reached its end, and throws what ended it otherwise, or the signal's reason. */
export type JobStarter = (job: ClaimedJob, handlers: JobHandlers) => Promise<void>
