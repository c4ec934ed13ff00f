// Asks the source, now and then, what time it is and how far its WAL is flushed. When ingest has received everything up
// to that position, the time that the server named can be closed. The server's clock, never ours.

import { parseLsn, type Lsn } from '../core/lsn.ts'
import { pgMicrosSql } from './pg-micros.ts'
import type { Queries } from '../postgres/queries.ts'

/** Probes that wait for the stream to reach them; with more, the newest takes the place of the one before. */
const maxPending = 64

export interface Probe {
  readonly lsn: Lsn
  /** µs since 2000-01-01 on the server's clock. */
  readonly micros: bigint
  /** A feed waits for it: close exactly this, at once. */
  readonly exact: boolean
}

/**
 * What the source's clock shows, between two askings by our own monotonic clock: not less than it shows, unless somebody
 * has set it since.
 */
export class SourceClock {
  #micros = 0n
  #askedAtMs = 0
  /** What was read last; the clock shows this or more, until it is asked again. */
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
   * For comparing `micros` with the clock: a reading of it, which is an old one where that already shows `micros` or
   * more. A backlog of a million transactions then reads the clock once.
   */
  readFor(micros: bigint): bigint {
    return micros <= this.#read ? this.#read : this.now
  }

  /** To be called before the question: the answer is from later. */
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

export class ClockProbes {
  readonly #control: Queries
  readonly #clock: SourceClock
  readonly #pending: Probe[] = []
  #isAsking = false
  #exactWanted = false

  constructor(control: Queries, clock: SourceClock) {
    this.#control = control
    this.#clock = clock
  }

  /** Where the stream must come for the oldest probe; undefined: none waits. */
  get target(): Lsn | undefined {
    return this.#pending[0]?.lsn
  }

  /** Asks once more; of several wishes at a time one is enough. Gives the newest answer; rejects when the source is gone. */
  async ask(exact: boolean): Promise<Probe | undefined> {
    if (exact) this.#exactWanted = true
    if (this.#isAsking) return undefined
    this.#isAsking = true
    try {
      let newest: Probe
      do {
        const wanted = this.#exactWanted
        this.#exactWanted = false
        newest = await askClock(this.#control, this.#clock, wanted)
        if (this.#pending.length >= maxPending)
          newest = { ...newest, exact: this.#pending.pop()?.exact === true || wanted }
        this.#pending.push(newest)
        // Asked for while the query ran: its answer may be older than the wish.
      } while (this.#exactWanted)
      return newest
    } finally {
      this.#isAsking = false
    }
  }

  /** The last probe that a stream at `received` has reached, if there is one; they are taken off the list. */
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
