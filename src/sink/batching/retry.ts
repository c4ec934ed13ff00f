// Says when batches that failed are sent again: each time after twice the wait, and after the client has had the opportunity to
// find out which routes their lanes have now.

import { setTimeout as delay } from 'node:timers/promises'
import { backoffAfter } from '../../async/backoff.ts'
import type { FeedError } from '../../errors/feed-error.ts'
import type { Progress } from './progress.ts'

/** Writes about trouble into the log; undefined: as a warning. */
export type SaysTrouble = (text: string, level?: 'info' | 'warn' | 'error') => void

/** How often a batch is sent again. What still fails then ends the sink, and the feed is retried as a whole. */
export interface RetryBounds {
  /** Infinity: until it is delivered. */
  readonly max: number
  /** The wait before the second attempt. */
  readonly backoffMs: number
}

export interface RetryOptions {
  readonly bounds: RetryBounds
  readonly beforeRetry: () => Promise<void>
  readonly progress: Progress
  readonly warn: SaysTrouble
}

const maxBackoffMs = 30_000

/** SHOW JOBS and the log have one line for an error. */
export function withHint({ message, hint }: FeedError): string {
  return hint === undefined ? message : `${message}; ${hint}`
}

export class Retry {
  readonly #options: RetryOptions
  /** Lanes that fail at about the same time share a call of `beforeRetry`. */
  #preparing: Promise<void> | undefined

  constructor(options: RetryOptions) {
    this.#options = options
  }

  /** Whether a batch that has failed so often, the last time with `error`, may be sent again. */
  isWorthwhile(failures: number, error: FeedError): boolean {
    return failures <= this.#options.bounds.max && error.retry
  }

  /** Settles when the batch may be sent again. Throws what `beforeRetry` throws, or the error that ended the sender meanwhile. */
  async wait(failures: number, error: FeedError): Promise<void> {
    const { bounds, beforeRetry, progress, warn } = this.#options
    const waitMs = backoffAfter(failures, { firstMs: bounds.backoffMs, mostMs: maxBackoffMs })
    // What goes away by itself is no warning yet, and what lasts has to be seen.
    const level = failures === 1 ? 'info' : waitMs >= maxBackoffMs ? 'error' : undefined
    warn(`${withHint(error)}; attempt ${failures + 1} in ${waitMs} ms`, level)
    await delay(waitMs, undefined, { signal: progress.signal })
    this.#preparing ??= beforeRetry().finally(() => {
      this.#preparing = undefined
    })
    await progress.orEnd(this.#preparing)
  }
}
