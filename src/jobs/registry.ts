// The jobs that this server owns: claims them, runs them, and looks again and again at what their rows say.

import type { Logger } from 'pino'
import { FeedError } from '../errors/feed-error.ts'
import type { BackoffOptions } from './backoff.ts'
import { JobRun, type StopReason } from './job-run.ts'
import type { JobStore } from './job-store.ts'
import type { ClaimedJob, JobStarter, JobStatus, JobVerb, NewJob } from './jobs.ts'

/** How often the rows are looked at for what other servers were asked. */
const lookEveryMs = 3000
const pruneEveryMs = 3_600_000

/** A statement waits so long for a job to stop before it says that it was asked. */
const stopsWithinMs = 10_000

export interface RegistryOptions {
  readonly store: JobStore
  readonly start: JobStarter
  readonly log: Logger
  readonly backoff: () => BackoffOptions
  readonly retentionMs: () => number
}

export class JobRegistry {
  readonly #options: RegistryOptions
  readonly #runs = new Map<string, JobRun>()
  #timer: NodeJS.Timeout | undefined
  /** One look at a time. */
  #looking: Promise<void> = Promise.resolve()
  #prunedAtMs = 0
  #isClosing = false
  readonly counts = { retries: 0, failures: 0 }

  private constructor(options: RegistryOptions) {
    this.#options = options
  }

  /** Takes up what an earlier server of this store left. */
  static async open(options: RegistryOptions): Promise<JobRegistry> {
    const registry = new JobRegistry(options)
    for (const job of await options.store.claim(true)) registry.#take(job)
    registry.#timer = setInterval(() => void registry.#look(), lookEveryMs)
    return registry
  }

  get running(): readonly JobRun[] {
    return [...this.#runs.values()]
  }

  get store(): JobStore {
    return this.#options.store
  }

  /** Gives the id of the job, which runs. */
  async create(job: NewJob): Promise<string> {
    if (this.#isClosing) throw new FeedError('FEED_STATE', 'the server is shutting down', { sqlstate: '57P01' })
    const claimed = await this.#options.store.create(job)
    this.#take(claimed)
    return claimed.id
  }

  /**
   * Asks all or none, then waits for those that run here, so that the next statement sees them stopped. `owner`: whose
   * jobs they must be; undefined: anybody's.
   */
  async request(ids: readonly string[], verb: JobVerb, owner?: string): Promise<void> {
    await this.#options.store.request(ids, verb, owner)
    const stopping = ids.flatMap((id) => this.#runs.get(id) ?? [])
    await this.#look()
    if (verb === 'resume') return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, stopsWithinMs)
    await Promise.race([Promise.all(stopping.map(({ ended }) => ended)), promise])
    clearTimeout(timer)
  }

  /** Stops all, each with its progress saved; they go on at the next start. */
  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#timer)
    await this.#looking
    for (const run of this.#runs.values()) run.stop('shutdown')
    await Promise.all(this.running.map(({ ended }) => ended))
    await this.#options.store.release()
  }

  #look(): Promise<void> {
    this.#looking = this.#looking
      .then(() => this.#lookNow())
      .catch((error: unknown) => {
        this.#options.log.warn({ error: String(error) }, 'the jobs could not be read')
      })
    return this.#looking
  }

  async #lookNow(): Promise<void> {
    const { store, retentionMs } = this.#options
    if (this.#isClosing) return
    const runs = this.running
    const held = await store.renew()
    for (const run of runs) {
      const row = held.get(run.job.id)
      // A run that settles meanwhile has no row here either; stopping it changes nothing.
      if (row === undefined || row.epoch !== run.job.epoch) run.stop('lost')
      else this.#obey(run, row.status)
    }
    for (const job of await store.claim(false)) this.#take(job)
    if (Date.now() - this.#prunedAtMs < pruneEveryMs) return
    this.#prunedAtMs = Date.now()
    await store.prune(retentionMs())
  }

  #take(job: ClaimedJob): void {
    const { store, start, log, backoff } = this.#options
    const run: JobRun = new JobRun({
      job,
      store,
      start,
      log,
      backoff,
      retried: () => (this.counts.retries += 1),
      failed: () => (this.counts.failures += 1),
    })
    this.#runs.set(job.id, run)
    void run.ended.then(() => {
      if (this.#runs.get(job.id) === run) this.#runs.delete(job.id)
    })
    this.#obey(run, job.status)
  }

  #obey(run: JobRun, status: JobStatus): void {
    const reasons: Partial<Record<JobStatus, StopReason>> = { 'pause-requested': 'pause', 'cancel-requested': 'cancel' }
    const reason = reasons[status]
    if (reason !== undefined) run.stop(reason)
  }
}
