// Calls of a storage client, each with a limit of time. A call that must succeed is repeated after a wait, as the trouble with the client
// says, and throws when that is of no use or has been tried too often. A call that is made ahead of its turn may fail: it is
// made once more when its turn comes.

import { setTimeout as delay } from 'node:timers/promises'
import type { FeedMeter } from '../../core/feed-meter.ts'
import type { Progress } from '../batching/progress.ts'
import { Retry, withHint, type RetryBounds, type SaysTrouble } from '../batching/retry.ts'
import type { StallWatch } from '../batching/stall.ts'
import type { StorageClient, StorageTrouble } from './storage-client.ts'
import { TimeLimit } from './time-limit.ts'

export type Call<T> = (signal: AbortSignal) => Promise<T>

export interface AttemptsOptions {
  readonly client: StorageClient
  /** A call of the client that takes longer has failed; 0: there is no limit. */
  readonly timeoutMs: number
  readonly retry: RetryBounds
  readonly progress: Progress
  readonly stall: StallWatch
  readonly warn: SaysTrouble
  readonly meter: FeedMeter
}

export class Attempts {
  readonly #options: AttemptsOptions
  readonly #limit: TimeLimit
  readonly #retry: Retry
  #hasExpired = false
  #mayBeRead = false

  constructor(options: AttemptsOptions) {
    const { client, timeoutMs, retry: bounds, progress, warn } = options
    this.#options = options
    this.#limit = new TimeLimit(client.name, timeoutMs)
    this.#retry = new Retry({ bounds, beforeRetry: () => this.#renew(), progress, warn })
  }

  /** A call took too long, and may still read the memory that it was given. */
  get mayBeRead(): boolean {
    return this.#mayBeRead
  }

  /** `bytes`: how many each attempt sends. */
  async make<T>(call: Call<T>, bytes = 0): Promise<T> {
    const { progress, retry, stall, meter } = this.#options
    for (let failures = 1; ; failures++) {
      progress.check()
      try {
        return await this.#timed(call, bytes)
      } catch (thrown) {
        progress.check()
        const { tag, error, pauseMs = 0 } = this.#trouble(thrown)
        if (tag === 'refused' || failures > retry.max) throw error
        this.#hasExpired ||= tag === 'expired'
        stall.failed(withHint(error))
        if (pauseMs > 0) {
          meter.observe('throttle', pauseMs * 1e6)
          await delay(pauseMs, undefined, { signal: progress.signal })
        }
        await this.#retry.wait(failures, error)
        meter.count('sinkRetries')
      }
    }
  }

  /** Returns undefined if the call has failed. */
  async makeAhead<T>(call: Call<T>, bytes = 0): Promise<T | undefined> {
    try {
      return await this.#timed(call, bytes)
    } catch (thrown) {
      this.#mayBeRead ||= this.#limit.isLate(thrown)
      return undefined
    }
  }

  async #timed<T>(call: Call<T>, bytes: number): Promise<T> {
    const { meter, progress } = this.#options
    const startMs = performance.now()
    meter.count('sinkRequests')
    meter.count('bytesOut', bytes)
    try {
      const result = await this.#limit.run(call, progress.signal)
      meter.observe('send', (performance.now() - startMs) * 1e6)
      return result
    } catch (thrown) {
      if (!progress.hasEnded) meter.count('sinkErrors')
      throw thrown
    }
  }

  #trouble(thrown: unknown): StorageTrouble {
    if (!this.#limit.isLate(thrown)) return this.#options.client.trouble(thrown)
    this.#mayBeRead = true
    return { tag: 'failed', error: thrown }
  }

  async #renew(): Promise<void> {
    if (!this.#hasExpired) return
    this.#hasExpired = false
    const { client, progress } = this.#options
    await client.renew?.(progress.signal)
  }
}
