// The paused jobs, for metrics: they are rows of PostgreSQL only. They are read again when somebody asks and what is known is
// some seconds old. If PostgreSQL is out of reach, those that were known stay, and their lag goes on growing.

import type { PausedJob } from '../../jobs/job-lists.ts'
import type { JobStore } from '../../jobs/job-store.ts'

const freshMs = 2000
/** A scrape waits no longer for PostgreSQL. */
const withinMs = 1000

export class PausedJobs {
  readonly #store: Pick<JobStore, 'pausedJobs'>
  #known: readonly PausedJob[] = []
  #readAtMs = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined

  constructor(store: Pick<JobStore, 'pausedJobs'>) {
    this.#store = store
  }

  async now(): Promise<readonly PausedJob[]> {
    if (performance.now() - this.#readAtMs >= freshMs) {
      this.#reading ??= this.#read()
      let timer
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, withinMs)))
      await Promise.race([this.#reading, late])
      clearTimeout(timer)
    }
    return this.#known
  }

  async #read(): Promise<void> {
    try {
      this.#known = await this.#store.pausedJobs()
      this.#readAtMs = performance.now()
    } catch {
      // What was known is still the best answer; /health says what is wrong with PostgreSQL.
    } finally {
      this.#reading = undefined
    }
  }
}
