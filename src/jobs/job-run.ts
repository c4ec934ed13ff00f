// Runs one job while this server owns it. After a failure that a retry may mend, the feed is started again from the progress that
// was saved last.

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { hasAdvanced, highWaterOf, type JobProgress } from '../core/job-progress.ts'
import { codes } from '../errors/codes.ts'
import { asFeedError, FeedError } from '../errors/feed-error.ts'
import { Backoff, type BackoffOptions } from '../async/backoff.ts'
import { LastingTrouble } from '../async/lasting-trouble.ts'
import type { JobStore } from './job-store.ts'
import type { ClaimedJob, JobStarter } from './jobs.ts'
import { runningStatus } from './running-status.ts'
import { endOf, type StopRequest } from './transitions.ts'
import { wayOut } from './way-out.ts'

/** An attempt that has lasted so long has left the failure before it behind. */
const calmMs = 10_000

/** When a job began to fail, and how far it was. */
interface Failing {
  readonly sinceMs: number
  readonly progress: JobProgress
}

/** Why this server stops running the job; `lost` means that another server owns it now. */
export type StopReason = StopRequest | 'shutdown' | 'lost'

export interface JobRunOptions {
  readonly job: ClaimedJob
  readonly store: JobStore
  readonly start: JobStarter
  readonly log: Logger
  readonly backoff: () => BackoffOptions
  /** Called when the job has ended and will not run again. */
  readonly over?: () => Promise<void>
  /** Called when the feed failed and will be started again. */
  readonly retried: () => void
  /** Called when the feed failed and will not be started again, and when the job has succeeded or is cancelled. */
  readonly ended: (how: 'failures' | 'succeeded' | 'canceled' | 'fellBehind') => void
}

export class JobRun {
  readonly #options: JobRunOptions
  readonly #abort = new AbortController()
  readonly #log: Logger
  /** Of attempts that made no way. */
  readonly #trouble = new LastingTrouble()
  /** Undefined: the last attempt did not fail. */
  #failing: Failing | undefined
  /**
   * What ended the last attempt. It is shown until the present one has lasted for a while: what an attempt saves first is often only that nothing
   * had happened until shortly before the row on which the last one failed.
   */
  #failure: string | undefined
  #reason: StopReason | undefined
  #progress: JobProgress
  #isRefused = false
  /** What the feed waits for. */
  #status: string | undefined
  /** Settles when this server does nothing for the job any more; never rejects. */
  readonly ended: Promise<void>

  constructor(options: JobRunOptions) {
    this.#options = options
    this.#progress = options.job.progress
    this.#log = options.log.child({ job: options.job.id })
    // The run starts asynchronously, so that the creator of this object can stop it before.
    this.ended = Promise.resolve()
      .then(() => this.#run())
      .catch((error: unknown) => {
        this.#log.error({ error: String(error) }, 'the state of the job could not be written')
      })
  }

  get job(): ClaimedJob {
    return this.#options.job
  }

  /** The saved progress of the job. */
  get progress(): JobProgress {
    return this.#progress
  }

  /** Whether the end could not be written to the row, because another end was requested or another server owns the job. */
  get isRefused(): boolean {
    return this.#isRefused
  }

  stop(reason: StopReason): void {
    // A job that is being paused can still be cancelled.
    if (this.#reason === undefined || (this.#reason === 'pause' && reason === 'cancel')) this.#reason = reason
    this.#abort.abort(new FeedError('FEED_CANCELED', `the job stops: ${reason}`))
  }

  async #run(): Promise<void> {
    const { job, store, backoff: backoffOptions, retried } = this.#options
    const backoff = new Backoff(backoffOptions)
    const { signal } = this.#abort
    while (!signal.aborted) {
      const before = this.#progress
      try {
        await this.#attempt()
        if (this.#reason === undefined) {
          await this.#settle('succeeded')
          return
        }
      } catch (error) {
        if (this.#reason !== undefined) break
        // The next attempt reports what it waits for, even if that is the same.
        this.#status = undefined
        const failure = asFeedError(error)
        if (!failure.retry) {
          await this.#fail(failure)
          return
        }
        if (hasAdvanced(before, this.#progress)) backoff.reset()
        if (this.#failing !== undefined && makesWay(this.#failing, this.#progress)) {
          this.#failing = undefined
          this.#trouble.over()
        }
        this.#failing ??= { sinceMs: Date.now(), progress: this.#progress }
        const waitMs = backoff.next()
        retried()
        this.#logRetry(failure, waitMs)
        const todo = failure.hint === undefined ? '' : `; ${failure.hint}`
        this.#failure = `transient error: ${failure.message}${todo}`
        await store.say(job, this.#failure).catch(() => undefined)
        await delay(waitMs, undefined, { signal }).catch(() => undefined)
      }
    }
    const reason = this.#reason
    if (reason === 'pause' || reason === 'cancel') await this.#settle(endOf[reason])
  }

  async #attempt(): Promise<void> {
    const { job, store, start } = this.#options
    const say = (): void => {
      const text = this.#status ?? this.#failure ?? runningStatus(this.#progress, job.payload.spec.targets)
      store.say(job, text).catch(() => undefined)
    }
    const calm = setTimeout(() => {
      if (this.#failure === undefined) return
      this.#failure = undefined
      if (this.#status === undefined) say()
    }, calmMs)
    try {
      await start(job, {
        resume: this.#progress,
        save: async (progress) => {
          if (!(await store.save(job, progress, this.#status ?? this.#failure))) {
            this.stop('lost')
            throw new FeedError('FEED_STATE', `job ${job.id} is not this server's any more`)
          }
          this.#progress = progress
        },
        log: (level, text) => this.#log[level](text),
        status: (text) => {
          if (text === this.#status) return
          this.#status = text
          say()
        },
        signal: this.#abort.signal,
      })
    } finally {
      clearTimeout(calm)
    }
  }

  #logRetry({ message, detail, hint }: FeedError, inMs: number): void {
    const { level, since } = this.#trouble.failed()
    this.#log[level]({ error: message, detail, hint, inMs, since }, 'the changefeed tries again')
  }

  async #fail(failure: FeedError): Promise<void> {
    const { code, message, detail } = failure
    const { job, ended } = this.#options
    const isPausedByCode = codes[code].reaction === 'pause'
    const end = isPausedByCode || job.payload.onError === 'pause' ? 'paused' : 'failed'
    const hint = wayOut(job.id, failure, end)
    const todo = hint === undefined ? '' : `; ${hint}`
    // When its cause is removed, RESUME continues the job from its progress.
    if (isPausedByCode) {
      this.#log.warn(
        { error: message, hint },
        'the changefeed is paused: it lacks a right, or credentials that are taken',
      )
      await this.#settle('paused', { error: message, runningStatus: `paused: ${message}${todo}` })
      return
    }
    if (end === 'paused') {
      this.#log.warn({ error: message, hint }, 'the changefeed is paused because of on_error=pause')
      await this.#settle('paused', {
        error: message,
        runningStatus: `job failed (${message}) but is being paused because of on_error=pause${todo}`,
      })
      return
    }
    ended('failures')
    if (code === 'FEED_FELL_BEHIND') ended('fellBehind')
    this.#log.error({ error: message, detail, hint }, 'the changefeed failed')
    // The error is a column of its own; here stands what can be done about it.
    await this.#settle('failed', { error: message, runningStatus: hint === undefined ? null : `failed; ${hint}` })
  }

  /** Tries until PostgreSQL has written the end, because a job that is over must not run again. */
  async #settle(
    ...[status, details]: [Parameters<JobStore['settle']>[1], Parameters<JobStore['settle']>[2]?]
  ): Promise<void> {
    const { job, store, over, ended } = this.#options
    const backoff = new Backoff({ firstMs: 100, mostMs: 5000 })
    for (;;) {
      try {
        this.#isRefused = !(await store.settle(job, status, details))
        if (!this.#isRefused) {
          if (status === 'succeeded' || status === 'canceled') ended(status)
          this.#log.info({ event: `${status}_changefeed` }, `the job is ${status}`)
        }
        if (status !== 'paused') await over?.()
        return
      } catch (error) {
        if (this.#reason === 'shutdown') throw error
        await delay(backoff.next())
      }
    }
  }
}

/**
 * Whether a job has come further than it would by saving time in which nothing happened, a moment in each attempt: it has to go at least half as
 * fast as the clock. A scan has no clock to compare with, so everything counts.
 */
function makesWay({ sinceMs, progress }: Failing, now: JobProgress): boolean {
  if (!hasAdvanced(progress, now)) return false
  const [was, is] = [highWaterOf(progress), highWaterOf(now)]
  if (was === undefined || is === undefined || was.wall === is.wall) return true
  return Number(is.wall - was.wall) / 1e6 >= (Date.now() - sinceMs) / 2
}
