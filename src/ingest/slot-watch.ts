// Reads every few seconds how much WAL the slot keeps, and how much more it may keep, for metrics and /health. It asks on the
// control connection, so that it never runs into a limit of connections; the query reads shared memory only.

import { parseLsn } from '../core/lsn.ts'
import type { Queries } from '../postgres/queries.ts'
import type { SlotReading } from './ingest.ts'

const everyMs = 5000

const readingSql = (slot: string): string =>
  `SELECT s.wal_status, pg_wal_lsn_diff(w.lsn, s.restart_lsn)::text, s.safe_wal_size::text, w.lsn::text, (extract(epoch FROM clock_timestamp()) * 1000)::text
  FROM pg_replication_slots s, (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn) w WHERE s.slot_name = '${slot}'`

export interface SlotWatchOptions {
  readonly control: Queries
  readonly slot: string
  readonly say: (reading: SlotReading) => void
}

/** Reads at once, and then again and again until it is disposed of. */
export class SlotWatch implements Disposable {
  readonly #options: SlotWatchOptions
  readonly #timer: NodeJS.Timeout
  #isReading = false

  constructor(options: SlotWatchOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#look(), everyMs)
    this.#look()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    if (this.#isReading) return
    this.#isReading = true
    this.#read()
      // The attempt learns of a lost connection from its own queries.
      .catch(() => undefined)
      .finally(() => {
        this.#isReading = false
      })
  }

  async #read(): Promise<void> {
    const { control, slot, say } = this.#options
    const [row] = await control.query(readingSql(slot))
    if (row === undefined) return
    const [walStatus, retained, safe, lsn, clockMs] = row
    say({
      slot,
      walStatus: walStatus ?? null,
      retainedBytes: retained == null ? 0 : Math.max(0, Number(retained)),
      safeBytes: safe == null ? undefined : Number(safe),
      walEnd: parseLsn(lsn ?? '0/0'),
      clockMs: Number(clockMs),
    })
  }
}
