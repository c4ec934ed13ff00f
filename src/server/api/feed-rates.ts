// How fast running changefeeds emit and scan. Their counters are read every few seconds, and what was read in the last half minute
// is kept, so that a page can show rates as soon as it is opened.

import type { FeedPool, PooledFeed } from '../../feed/pool/feed-pool.ts'
import type { LiveAnswer, ScanAnswer } from './answers.ts'

const everyMs = 5000
const keptReadings = 7

interface Reading {
  /** Each attempt of a changefeed has one of its own, which counts from 0. */
  readonly meter: PooledFeed['meter']
  readonly atMs: number
  readonly messages: number
  readonly bytes: number
  readonly pending: number | undefined
}

export class FeedRates {
  readonly #feeds: Pick<FeedPool, 'running'>
  readonly #readings = new Map<string, Reading[]>()
  readonly #timer: NodeJS.Timeout
  readonly #now: () => number

  constructor(feeds: Pick<FeedPool, 'running'>, now: () => number = Date.now) {
    this.#feeds = feeds
    this.#now = now
    this.#timer = setInterval(() => this.look(), everyMs).unref()
    this.look()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Reads all counters, and forgets the feeds that do not run any more. */
  look(): void {
    const running = new Set<string>()
    for (const feed of this.#feeds.running) {
      running.add(feed.id)
      const reading = this.#read(feed)
      const kept = this.#readings.get(feed.id) ?? []
      if (kept.at(-1)?.meter !== reading.meter) kept.length = 0
      kept.push(reading)
      if (kept.length > keptReadings) kept.shift()
      this.#readings.set(feed.id, kept)
    }
    for (const id of this.#readings.keys()) if (!running.has(id)) this.#readings.delete(id)
  }

  of(feed: PooledFeed): LiveAnswer {
    const now = this.#read(feed)
    const before = this.#readings.get(feed.id)?.find(({ meter }) => meter === now.meter) ?? now
    const seconds = (now.atMs - before.atMs) / 1000
    const perSecond = (difference: number): number => (seconds <= 0 ? 0 : difference / seconds)
    return {
      messages: now.messages,
      bytes: now.bytes,
      messagesPerSecond: perSecond(now.messages - before.messages),
      bytesPerSecond: perSecond(now.bytes - before.bytes),
      scan: this.#scan(feed.id, now),
    }
  }

  #scan(id: string, now: Reading): ScanAnswer | null {
    if (now.pending === undefined) return null
    const kept = this.#readings.get(id) ?? []
    // The readings since the present scan began: until then there was none, or fewer ranges were left.
    let from = now
    for (const reading of kept.toReversed()) {
      if (reading.pending === undefined || reading.pending < (from.pending ?? 0)) break
      from = reading
    }
    const seconds = (now.atMs - from.atMs) / 1000
    const rangesPerSecond = seconds <= 0 ? 0 : ((from.pending ?? 0) - now.pending) / seconds
    return {
      rangesLeft: now.pending,
      rangesPerSecond,
      secondsLeft: rangesPerSecond > 0 ? now.pending / rangesPerSecond : null,
    }
  }

  #read({ progress, meter }: PooledFeed): Reading {
    const [messages, bytes] = [meter.value('messages'), meter.value('bytes')]
    return { meter, atMs: this.#now(), messages, bytes, pending: progress.pendingRanges }
  }
}
