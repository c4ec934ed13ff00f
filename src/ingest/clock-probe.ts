// Asks the source, from time to time, what time it is and how far its WAL is flushed. When ingest has received everything
// up to that position, the time of the answer can be closed. It is the time of the server's clock, never of ours.

import { late, orLate } from '../async/or-late.ts'
import { parseLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import { pgMicrosSql } from './pg-micros.ts'
import type { Queries } from '../postgres/queries.ts'

/** A server that is gone without a word would be waited for as long as TCP repeats what we sent: a quarter of an hour. */
const answersWithinMs = 60_000
/** A server that takes so long has most likely stopped: whoever waits for rows is told, though it may go on yet. */
const usualSlowMs = 10_000
/** Most probes that wait for the stream to reach them; a further one replaces the newest. */
const maxPending = 64

export interface Probe {
  readonly lsn: Lsn
  /** µs since 2000-01-01 on the server's clock. */
  readonly micros: bigint
  /** Somebody waits for it: exactly this time must be closed, at once. */
  readonly exact: boolean
}

/**
 * What the source's clock shows. Between two questions it is estimated with our own monotonic clock, and the estimate is not
 * less than the clock shows, unless somebody has set the clock since.
 */
export class SourceClock {
  #micros = 0n
  #askedAtMs = 0
  /** The last reading. The clock shows this or more, until the source is asked again. */
  #read = 0n
  readonly #monotonicMs: () => number

  constructor(monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs
  }

  /** µs since 2000-01-01. */
  get now(): bigint {
    return (this.#read = this.#micros + BigInt(Math.ceil((this.#monotonicMs() - this.#askedAtMs) * 1000)))
  }

  /**
   * A reading to compare `micros` with: an old one if that already shows `micros` or more, so that a backlog of a million
   * transactions reads the clock once.
   */
  readFor(micros: bigint): bigint {
    return micros <= this.#read ? this.#read : this.now
  }

  /** To be called before the source is asked, because the answer is from later. The result takes the answer. */
  asking(): (micros: bigint) => void {
    const askedAtMs = this.#monotonicMs()
    return (micros) => {
      this.#askedAtMs = askedAtMs
      this.#micros = this.#read = micros
    }
  }
}

const sql = `SELECT pg_current_wal_flush_lsn()::text, ${pgMicrosSql('clock_timestamp()')}::text`

export async function askClock(control: Queries, clock: SourceClock, exact: boolean): Promise<Probe> {
  const answered = clock.asking()
  const [row] = await control.query(sql)
  const micros = BigInt(row?.[1] ?? '0')
  answered(micros)
  return { lsn: parseLsn(row?.[0] ?? ''), micros, exact }
}

export interface ProbesOptions {
  readonly control: Queries
  readonly clock: SourceClock
  /** Called when the source has not answered for a while. */
  readonly slow: (why: FeedError) => void
  /** Called when it has answered after that. */
  readonly again: () => void
  /** For tests. */
  readonly slowAfterMs?: number
}

export class ClockProbes {
  readonly #options: ProbesOptions
  readonly #pending: Probe[] = []
  #isAsking = false
  #exactWanted = false

  constructor(options: ProbesOptions) {
    this.#options = options
  }

  /** The position that the stream must reach for the oldest probe; undefined: no probe waits. */
  get target(): Lsn | undefined {
    return this.#pending[0]?.lsn
  }

  /** Whether somebody waits for exactly the time of a probe that the stream has not reached. */
  get isExactAwaited(): boolean {
    return this.#pending.some(({ exact }) => exact)
  }

  /** Asks the source, once for several calls at a time. Returns the newest answer; rejects when the source is gone. */
  async ask(exact: boolean): Promise<Probe | undefined> {
    if (exact) this.#exactWanted = true
    if (this.#isAsking) return undefined
    this.#isAsking = true
    try {
      let newest: Probe
      do {
        const wanted = this.#exactWanted
        this.#exactWanted = false
        newest = await this.#answer(wanted)
        if (this.#pending.length >= maxPending)
          newest = { ...newest, exact: this.#pending.pop()?.exact === true || wanted }
        this.#pending.push(newest)
        // An exact probe was asked for while the query ran, whose answer may be from before that.
      } while (this.#exactWanted)
      return newest
    } finally {
      this.#isAsking = false
    }
  }

  async #answer(exact: boolean): Promise<Probe> {
    const { control, clock, slow, again, slowAfterMs = usualSlowMs } = this.#options
    const asked = askClock(control, clock, exact)
    const probe = await orLate(asked, slowAfterMs)
    if (probe !== late) return probe
    slow(silent(slowAfterMs))
    const lateProbe = await orLate(asked, answersWithinMs - slowAfterMs)
    if (lateProbe === late) throw silent(answersWithinMs)
    again()
    return lateProbe
  }

  /** The last probe that a stream at `received` has reached, if there is one. All reached probes are removed. */
  reached(received: Lsn): Probe | undefined {
    let last: Probe | undefined
    let exact = false
    while (this.#pending[0] !== undefined && this.#pending[0].lsn <= received) {
      last = this.#pending.shift() as Probe
      exact ||= last.exact
    }
    return last === undefined ? undefined : { ...last, exact }
  }
}

function silent(ms: number): FeedError {
  return new FeedError('FEED_SOURCE_DOWN', `PostgreSQL has not answered for ${ms / 1000} s`)
}
