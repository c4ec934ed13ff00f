// The jobs that this server owns: claims them, runs them, and checks their rows periodically.

import { orLate } from '../async/or-late.ts'
import { Serial } from '../async/serial.ts'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { MetricScopes } from '../core/metric-scopes.ts'
import { FeedError, toWireError } from '../errors/feed-error.ts'
import { Backoff, type BackoffOptions } from '../async/backoff.ts'
import { LastingTrouble } from '../async/lasting-trouble.ts'
import { JobRun } from './job-run.ts'
import type { JobStore } from './job-store.ts'
import type { ClaimedJob, JobStarter, JobStatus, JobVerb, NewJob } from './jobs.ts'
import { stopReason } from './transitions.ts'

/** How often the rows are checked for requests that other servers have written. */
const lookEveryMs = 3000
const pruneEveryMs = 3_600_000

/** How often CREATE asks before it reports that it does not know whether the job exists. */
const createAttempts = 5
const createBackoff: BackoffOptions = { firstMs: 50, mostMs: 1000 }

/** How long a statement waits for a job to stop before it reports only that the request was written. */
const stopsWithinMs = 10_000

export interface RegistryOptions {
  readonly store: JobStore
  readonly start: JobStarter
  /** Called when a job has ended and will not run again. */
  readonly over?: (id: string) => Promise<void>
  readonly log: Logger
  readonly backoff: () => BackoffOptions
  readonly retentionMs: () => number
  /** Counts the retries and failures of jobs. */
  readonly scopes?: MetricScopes
  /** How often the rows are checked; for tests. */
  readonly lookEveryMs?: number
}

export class JobRegistry {
  readonly #options: RegistryOptions
  readonly #runs = new Map<string, JobRun>()
  #timer: NodeJS.Timeout | undefined
  readonly #looks = new Serial()
  #prunedAtMs = 0
  /** The ids of jobs whose rows are being created. */
  readonly #creating = new Set<string>()
  /** Whether jobs that an earlier server of this store owned have still to be claimed. */
  #takesOver = true
  #isClosing = false
  #problem: string | undefined
  readonly #trouble = new LastingTrouble()

  private constructor(options: RegistryOptions) {
    this.#options = options
  }

  /** Claims and starts the jobs of an earlier server of this store. */
  static async open(options: RegistryOptions): Promise<JobRegistry> {
    const registry = new JobRegistry(options)
    await registry.#look()
    registry.#timer = setInterval(() => void registry.#look(), options.lookEveryMs ?? lookEveryMs)
    return registry
  }

  get running(): readonly JobRun[] {
    return [...this.#runs.values()]
  }

  get store(): JobStore {
    return this.#options.store
  }

  newId(): Promise<string> {
    return this.#options.store.newId()
  }

  /** Creates a job and starts it. */
  async create(job: NewJob): Promise<void> {
    if (this.#isClosing) throw new FeedError('FEED_STATE', 'the server is shutting down', { sqlstate: '57P01' })
    this.#creating.add(job.id)
    try {
      const claimed = await this.#insert(job)
      const { spec } = job.payload
      this.#options.log.info(
        { job: job.id, event: 'create_changefeed', user: job.user, sink: spec.sink.tag, initialScan: spec.initialScan },
        'a changefeed is created',
      )
      this.#take(claimed)
    } finally {
      this.#creating.delete(job.id)
    }
  }

  /** Repeats the request if its answer is lost, because PostgreSQL may have created the job all the same. */
  async #insert(job: NewJob): Promise<ClaimedJob> {
    const { store, log } = this.#options
    const backoff = new Backoff(createBackoff)
    for (let attempt = 1; ; attempt++) {
      try {
        return await store.create(job)
      } catch (error) {
        if (isRefusal(error)) throw error
        const { message } = toWireError(error)
        log.warn({ job: job.id, error: message }, 'a job could not be created')
        if (attempt === createAttempts) {
          throw new FeedError('FEED_STATE', `PostgreSQL did not say whether job ${job.id} was created: ${message}`, {
            sqlstate: '08007',
            hint: `SHOW JOB ${job.id} tells as soon as PostgreSQL answers; CANCEL JOB ${job.id} ends it`,
          })
        }
        await delay(backoff.next())
      }
    }
  }

  /**
   * Writes the request for all jobs or for none, then waits until the jobs that run here have stopped, so that the next statement
   * sees them stopped. `user` must have the right to control them; undefined for the server itself.
   */
  async request(ids: readonly string[], verb: JobVerb, user?: string): Promise<void> {
    await this.#options.store.request(ids, verb, user)
    const runs = (): JobRun[] => ids.flatMap((id) => this.#runs.get(id) ?? [])
    const stopping = runs()
    await this.#look()
    if (verb === 'resume') return
    await orLate(this.#stopped([...stopping, ...runs()]), stopsWithinMs)
    // If a run ended in another way than requested, the job is claimed again and ended as requested.
    await orLate(this.#stopped(runs()), stopsWithinMs)
  }

  async #stopped(runs: readonly JobRun[]): Promise<void> {
    await Promise.all(runs.map(({ ended }) => ended))
    await this.#looks.idle()
  }

  /** Why jobs can be neither read nor saved now; undefined: they can. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Stops all jobs and saves their progress; they continue at the next start. */
  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#timer)
    await this.#looks.idle()
    for (const run of this.#runs.values()) run.stop('shutdown')
    await Promise.all(this.running.map(({ ended }) => ended))
    await this.#options.store.release()
  }

  #look(): Promise<void> {
    return this.#looks
      .run(() => this.#lookNow())
      .then(() => {
        this.#problem = undefined
        if (this.#trouble.over()) this.#options.log.info('the jobs are read again')
      })
      .catch((error: unknown) => {
        this.#problem = error instanceof Error ? error.message : String(error)
        const { level, since } = this.#trouble.failed()
        this.#options.log[level]({ error: String(error), since }, 'the jobs could not be read')
      })
  }

  async #lookNow(): Promise<void> {
    const { store, retentionMs, log } = this.#options
    if (this.#isClosing) return
    const runs = this.running
    const held = await store.renew()
    for (const run of runs) {
      const row = held.get(run.job.id)
      // A run that settles meanwhile has no row in the result either; stopping it has no effect.
      if (row === undefined || row.epoch !== run.job.epoch) run.stop('lost')
      else this.#obey(run, row.status)
    }
    const known = [...this.#runs.keys(), ...this.#creating]
    for (const job of await store.claim({ fromEarlier: this.#takesOver, known })) this.#take(job)
    this.#takesOver = false
    for (const { id, status, reason } of await store.refuseUnreadable()) {
      log.warn({ job: id, status }, `a job cannot run here: ${reason}`)
    }
    if (Date.now() - this.#prunedAtMs < pruneEveryMs) return
    this.#prunedAtMs = Date.now()
    await store.prune(retentionMs())
  }

  #take(job: ClaimedJob): void {
    const { store, start, log, backoff, over, scopes } = this.#options
    const { scope, database, targets, format } = job.payload.spec
    log.info(
      { job: job.id, database, tables: targets.map(({ topic }) => topic), format, scope },
      'the changefeed of a job starts',
    )
    const run: JobRun = new JobRun({
      job,
      store,
      start,
      log,
      backoff,
      over: async () => over?.(job.id),
      retried: () => scopes?.count(scope, 'retries'),
      ended: (end) => scopes?.count(scope, end),
    })
    this.#runs.set(job.id, run)
    scopes?.use(scope)
    void run.ended.then(() => {
      if (this.#runs.get(job.id) === run) this.#runs.delete(job.id)
      if (run.isRefused) void this.#look()
    })
    this.#obey(run, job.status)
  }

  #obey(run: JobRun, status: JobStatus): void {
    const reason = stopReason(status)
    if (reason !== undefined) run.stop(reason)
  }
}

/** Returns whether the error is an answer of PostgreSQL, so that nothing was changed. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof FeedError)) return false
  return /^(?=.*\d)[0-9A-Z]{5}$/.test(error.sqlstate) && !/^(08|57)/.test(error.sqlstate)
}
