// Asks the source, now and then, what time it is and how far its WAL is flushed. When ingest has received everything up
// to that position, the time that the server named can be closed. The server's clock, never ours.

import { parseLsn, type Lsn } from '../core/lsn.ts'
import type { Queries } from './serial-queries.ts'

/** Probes that wait for the stream to reach them; more would only say the same later. */
const maxPending = 64

export interface Probe {
  readonly lsn: Lsn
  /** µs since 2000-01-01 on the server's clock. */
  readonly micros: bigint
  /** A feed waits for it: close exactly this, at once. */
  readonly exact: boolean
}

const sql =
  'SELECT pg_current_wal_flush_lsn()::text, ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 946684800000000)::text'

export class ClockProbe {
  readonly #control: Queries
  readonly #pending: Probe[] = []
  #asking: Promise<void> | undefined
  #exactWanted = false

  constructor(control: Queries) {
    this.#control = control
  }

  /** Where the stream must come for the oldest probe; undefined: none waits. */
  get target(): Lsn | undefined {
    return this.#pending[0]?.lsn
  }

  /** Asks once more; of several wishes at a time one is enough. Rejects when the source is gone. */
  async ask(exact: boolean): Promise<Lsn | undefined> {
    if (exact) this.#exactWanted = true
    if (this.#asking !== undefined || (this.#pending.length >= maxPending && !this.#exactWanted)) return undefined
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#asking = promise
    try {
      let newest: Lsn | undefined
      do {
        const wanted = this.#exactWanted
        this.#exactWanted = false
        const [row] = await this.#control.query(sql)
        newest = parseLsn(row?.[0] ?? '')
        this.#pending.push({ lsn: newest, micros: BigInt(row?.[1] ?? '0'), exact: wanted })
        // Asked for while the query ran: its answer may be older than the wish.
      } while (this.#exactWanted)
      return newest
    } finally {
      this.#asking = undefined
      resolve()
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
