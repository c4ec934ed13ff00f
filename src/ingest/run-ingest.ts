// Runs ingest for one source: attempt after attempt with growing pauses, until it is stopped or only a human can help.
// Retention removes old parts of the log meanwhile, even while the source is away.

import { setTimeout as delay } from 'node:timers/promises'
import { Backoff, type BackoffOptions } from '../async/backoff.ts'
import type { ChangelogKeeper } from '../changelog/changelog.ts'
import { keepChangelog } from '../changelog/keep-changelog.ts'
import { asFeedError, toWireError } from '../errors/feed-error.ts'
import { Attempt } from './attempt.ts'
import { Retention, retentionEveryMs } from './keep-retention.ts'
import { Remedies } from './remedy.ts'
import type { FromIngest, IngestSettings, IngestStart, IngestState, ToIngest } from './ingest.ts'

const attemptBackoff: BackoffOptions = { firstMs: 100, mostMs: 5000 }
/** After an attempt that ran for so long, the pauses begin again with the shortest. */
const settledMs = 1000

export class Ingest {
  readonly #start: IngestStart
  readonly #say: (message: FromIngest) => void
  readonly #log: ChangelogKeeper
  readonly #stopping = new AbortController()
  #settings: IngestSettings
  #feeds = 0
  #attempt: Attempt | undefined
  readonly #remedies = new Remedies()
  readonly #retention: Retention
  readonly #noticed = new Set<string>()
  /** The last state that an attempt reported. */
  #state: IngestState = { tag: 'connecting' }

  constructor(start: IngestStart, say: (message: FromIngest) => void) {
    this.#start = start
    this.#say = (message) => {
      if (message.tag === 'state') this.#state = message.state
      say(message)
    }
    this.#log = keepChangelog(start.log)
    this.#settings = start.settings
    this.#retention = new Retention({
      log: this.#log,
      settings: () => this.#settings,
      failed: (error) =>
        say({ tag: 'state', state: { tag: 'retrying', error: toWireError(error), inMs: retentionEveryMs } }),
      recovered: () => say({ tag: 'state', state: this.#state }),
    })
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
        this.#retention.pins = message.positions
        return
      case 'check':
        this.#attempt?.checkNow()
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
    using _retaining = this.#retention.start()
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
    this.#say({ tag: 'stopped' })
  }

  /** Not again with each attempt. */
  #notice(why: string): void {
    if (this.#noticed.has(why)) return
    this.#noticed.add(why)
    this.#say({ tag: 'warning', why })
  }

  async #try(): Promise<void> {
    const attempt = new Attempt({
      source: this.#start.source,
      log: this.#log,
      settings: () => this.#settings,
      feeds: () => this.#feeds,
      say: this.#say,
      notice: (why) => this.#notice(why),
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
}
