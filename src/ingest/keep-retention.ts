// Removes from the log, every few seconds, what is too old or too much. A failure is reported as a state of ingest, although
// the attempt that runs continues: the disk fills up, and somebody should know.

import { logStart, type ChangelogKeeper, type Position } from '../changelog/changelog.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { IngestSettings } from './ingest.ts'

export const retentionEveryMs = 10_000

export interface RetentionOptions {
  readonly log: ChangelogKeeper
  readonly settings: () => IngestSettings
  readonly failed: (error: FeedError) => void
  /** Called when it succeeds after a failure. */
  readonly recovered: () => void
}

export class Retention {
  readonly #options: RetentionOptions
  #isFailing = false
  /** The positions that readers need. Undefined until the server has said so: until then nothing is removed for its age. */
  pins: readonly Position[] | undefined

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** Runs until the result is disposed of. */
  start(): Disposable {
    const timer = setInterval(() => this.#retain(), retentionEveryMs)
    return { [Symbol.dispose]: () => clearInterval(timer) }
  }

  #retain(): void {
    const { log, settings, failed, recovered } = this.#options
    const { retentionMs, maxLogBytes } = settings()
    const maxBytes = maxLogBytes === 0 ? Number.POSITIVE_INFINITY : maxLogBytes
    try {
      log.retain(Date.now(), { retentionMs, maxBytes, pins: this.pins ?? [logStart] })
      if (this.#isFailing) recovered()
      this.#isFailing = false
    } catch (error) {
      this.#isFailing = true
      const { message } = error as Error
      failed(new FeedError('FEED_LOG_IO', `cannot remove old segments of the changelog: ${message}`))
    }
  }
}
