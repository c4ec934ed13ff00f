// Keeps the embedded PostgreSQL running: if it ends, it is started again until that works or we stop it. The phase says whether clients
// can connect, and why not.
//
//   up ── it died ──► down ── started again ──► up
//   up ── somebody told it to stop ──► leaving ── it ended ──► down
//   every phase ── stop ──► stopped

import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Backoff, type BackoffOptions } from '../../async/backoff.ts'
import { asFeedError, type FeedError } from '../../errors/feed-error.ts'
import { endOrphans } from './orphans.ts'
import { startPostmaster, type Postmaster, type PostmasterOptions } from './postmaster.ts'
import { diskFailure } from './start-failure.ts'

const startAgainBackoff: BackoffOptions = { firstMs: 50, mostMs: 5000 }
const lookMs = 500

type Phase =
  | { readonly tag: 'up' }
  | { readonly tag: 'leaving' }
  /** `failure` is the reason why it could not be started again yet. */
  | { readonly tag: 'down'; readonly failure: FeedError | undefined }
  | { readonly tag: 'stopped' }

export class KeptPostmaster {
  readonly #options: PostmasterOptions
  readonly #log: Logger
  #postmaster: Postmaster
  #phase: Phase = { tag: 'up' }
  #looking: NodeJS.Timeout | undefined

  constructor(first: Postmaster, options: PostmasterOptions, log: Logger) {
    this.#postmaster = first
    this.#options = options
    this.#log = log
  }

  get pid(): number {
    return this.#postmaster.pid
  }

  /** Whether clients can connect, as far as is known. */
  get isUp(): boolean {
    return this.#phase.tag === 'up'
  }

  /** Why connections fail, if the reason is more than a restart. A full disk is reported even before PostgreSQL has ended. */
  get failure(): FeedError | undefined {
    const phase = this.#phase
    return (phase.tag === 'down' ? phase.failure : undefined) ?? diskFailure(dirname(this.#options.dir))
  }

  /** Starts PostgreSQL again whenever it ends, from this call on. */
  keep(): void {
    this.#looking = setInterval(() => this.#look(), lookMs).unref()
    void this.#keep()
  }

  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    this.#phase = { tag: 'stopped' }
    clearInterval(this.#looking)
    await this.#postmaster.stop(mode)
  }

  get #isStopped(): boolean {
    return this.#phase.tag === 'stopped'
  }

  /**
   * Checks whether somebody else has requested a smart shutdown, which refuses new connections and waits for the end of all present ones.
   * Our connections never end, so a fast shutdown is requested instead.
   */
  #look(): void {
    if (this.#phase.tag !== 'up' || !this.#postmaster.isLeaving()) return
    this.#log.warn('somebody told PostgreSQL to stop; it is stopped and started again')
    this.#phase = { tag: 'leaving' }
    void this.#postmaster.stop('fast')
  }

  async #keep(): Promise<void> {
    const backoff = new Backoff(startAgainBackoff)
    while (!this.#isStopped) {
      const end = await this.#postmaster.exited
      if (this.#isStopped) return
      this.#phase = { tag: 'down', failure: undefined }
      this.#log.error({ end }, 'PostgreSQL died; it is started again')
      while (!this.#isStopped && this.#phase.tag === 'down') {
        try {
          await endOrphans(this.#options.dir)
          const started = await startPostmaster(this.#options)
          this.#postmaster = started
          // `stop` was called meanwhile and has stopped the previous postmaster.
          if (this.#isStopped) await started.stop('fast')
          else this.#phase = { tag: 'up' }
          backoff.reset()
        } catch (error) {
          if (this.#isStopped) return
          const inMs = backoff.next()
          this.#phase = { tag: 'down', failure: asFeedError(error) }
          this.#log.error({ error: (error as Error).message, inMs }, 'PostgreSQL did not start')
          await delay(inMs)
        }
      }
    }
  }
}
