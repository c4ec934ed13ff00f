// Runs ingest for one source: attempt after attempt with growing pauses, until it is stopped or only a human can help.
// Retention removes old parts of the log meanwhile, even while the source is away.

import { setTimeout as delay } from 'node:timers/promises'
import { Backoff, type BackoffOptions } from '../async/backoff.ts'
import { logStart, type ChangelogKeeper, type Position } from '../changelog/changelog.ts'
import { keepChangelog } from '../changelog/keep-changelog.ts'
import { asFeedError, FeedError, toWireError } from '../errors/feed-error.ts'
import { Attempt } from './attempt.ts'
import { Remedies } from './remedy.ts'
import type { FromIngest, IngestSettings, IngestStart, IngestState, ToIngest } from './ingest.ts'

const attemptBackoff: BackoffOptions = { firstMs: 100, mostMs: 5000 }
/** After an attempt that ran for so long, the pauses begin again with the shortest. */
const settledMs = 1000
const retentionEveryMs = 10_000

export class Ingest {
  readonly #start: IngestStart
  readonly #say: (message: FromIngest) => void
  readonly #log: ChangelogKeeper
  readonly #stopping = new AbortController()
  #settings: IngestSettings
  #feeds = 0
  /** Undefined until the server has said what is needed: until then nothing is removed for its age. */
  #pins: readonly Position[] | undefined
  #attempt: Attempt | undefined
  readonly #remedies = new Remedies()
  /** The last state that an attempt reported. */
  #state: IngestState = { tag: 'connecting' }
  #isRetentionFailing = false

  constructor(start: IngestStart, say: (message: FromIngest) => void) {
    this.#start = start
    this.#say = (message) => {
      if (message.tag === 'state') this.#state = message.state
      say(message)
    }
    this.#log = keepChangelog(start.log)
    this.#settings = start.settings
  }

  hear(message: ToIngest): void {
    switch (message.tag) {
      case 'settings':
        this.#settings = message.settings
        this.#attempt?.rearm()
        return
      case 'demand':
        this.#feeds = message.feeds
        this.#attempt?.rearm()
        return
      case 'pins':
        this.#pins = message.positions
        return
      case 'stop':
        this.#stopping.abort()
        return
    }
  }

  /** Settles after 'stop', or when only a human can help. */
  async run(): Promise<void> {
    const { signal } = this.#stopping
    this.#log.fail(undefined)
    const retention = setInterval(() => this.#retain(), retentionEveryMs)
    const backoff = new Backoff(attemptBackoff)
    while (!signal.aborted) {
      const startedAt = Date.now()
      try {
        await this.#try()
      } catch (error) {
        if (signal.aborted) break
        const wire = toWireError(error)
        if (!asFeedError(error).retry) {
          this.#log.fail(wire.message)
          this.#say({ tag: 'state', state: { tag: 'failed', error: wire } })
          break
        }
        if (Date.now() - startedAt > settledMs) backoff.reset()
        const waitMs = backoff.next()
        const { tag } = this.#remedies.now
        const atChange = tag === 'stream' || tag === 'pass-over'
        this.#say({ tag: 'state', state: { tag: 'retrying', error: wire, inMs: waitMs, atChange } })
        await delay(waitMs, undefined, { signal }).catch(() => undefined)
      }
    }
    clearInterval(retention)
    this.#say({ tag: 'stopped' })
  }

  async #try(): Promise<void> {
    const attempt = new Attempt({
      source: this.#start.source,
      log: this.#log,
      settings: () => this.#settings,
      feeds: () => this.#feeds,
      say: this.#say,
      remedy: this.#remedies.now,
      remedied: () => this.#remedies.done(),
      signal: this.#stopping.signal,
    })
    this.#attempt = attempt
    try {
      await attempt.run()
    } catch (error) {
      const { difference, wasStreaming } = attempt
      this.#remedies.failed({ error, logEnd: this.#log.status.endLsn, difference, wasStreaming })
      throw error
    } finally {
      this.#attempt = undefined
    }
  }

  #retain(): void {
    const { retentionMs, maxLogBytes } = this.#settings
    const maxBytes = maxLogBytes === 0 ? Number.POSITIVE_INFINITY : maxLogBytes
    try {
      this.#log.retain(Date.now(), { retentionMs, maxBytes, pins: this.#pins ?? [logStart] })
      if (this.#isRetentionFailing) this.#say({ tag: 'state', state: this.#state })
      this.#isRetentionFailing = false
    } catch (error) {
      const failure = new FeedError(
        'FEED_LOG_IO',
        `cannot remove old segments of the changelog: ${(error as Error).message}`,
      )
      // The attempt continues meanwhile, so its state is kept for when retention succeeds again.
      const state = this.#state
      this.#say({ tag: 'state', state: { tag: 'retrying', error: toWireError(failure), inMs: retentionEveryMs } })
      this.#state = state
      this.#isRetentionFailing = true
    }
  }
}
