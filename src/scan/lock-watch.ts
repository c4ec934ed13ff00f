// Sees which sessions wait for what a scan has locked. A scan locks its tables so weakly that only ACCESS EXCLUSIVE has to
// wait: ALTER TABLE, TRUNCATE, VACUUM FULL. But behind a session that waits for ACCESS EXCLUSIVE every reader and writer of the
// table waits, too. (Autovacuum does not wait for this lock.) A change of a type waits for the locks that a scan has on types,
// for less than a second, and then fails.

import { setTimeout as delay } from 'node:timers/promises'
import type { OpenTables } from './cut.ts'

/** So short that a change of a type still gets its lock. */
const lookEveryMs = 150
/** A look takes long where there are many thousands of locks. Then it comes less often, so that it is no load on the source. */
const mostEveryMs = 1000
const idlePerLook = 10

const who = (pid: string): string =>
  `format('process %s of user "%s"', ${pid}, (SELECT usename FROM pg_stat_activity WHERE pid = ${pid}))`

/**
 * Ends the transactions of the readers as soon as another session waits for what they have locked. Closes the cut when its turn is
 * taken.
 */
export class LockWatch implements Disposable {
  readonly #cut: OpenTables
  readonly #over = new AbortController()
  readonly #watching: Promise<void>
  #waiter: string | undefined
  #failure: unknown
  /** The transactions of the readers were ended. */
  hasGivenUp = false

  constructor(cut: OpenTables, signal: AbortSignal) {
    this.#cut = cut
    this.#watching = this.#watch(AbortSignal.any([this.#over.signal, signal]))
  }

  /**
   * Ends the watch. Returns who waited for a lock when it gave the transactions up; undefined: it did not, or the turn was taken. Throws
   * if it gave them up because it has failed.
   */
  async end(): Promise<string | undefined> {
    this.#over.abort()
    await this.#watching
    if (!this.hasGivenUp) return undefined
    if (this.#failure !== undefined) throw this.#failure
    return this.#waiter
  }

  [Symbol.dispose](): void {
    this.#over.abort()
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { taken } = this.#cut
    try {
      this.#waiter = await waitsForReaders(this.#cut, taken === undefined ? signal : AbortSignal.any([signal, taken]))
    } catch (error) {
      // Without its watch a scan could hold up the application.
      this.#failure = error
    }
    if (signal.aborted) return
    this.hasGivenUp = true
    this.#cut.giveUp()
    if (taken?.aborted === true) await this.#cut[Symbol.asyncDispose]()
  }
}

async function waitsForReaders({ control, readers }: OpenTables, signal: AbortSignal): Promise<string | undefined> {
  const pids = readers.map(({ backendPid }) => backendPid).join(', ')
  const sql = `SELECT ${who('w.pid')} FROM pg_locks h JOIN pg_locks w USING (locktype, database)
    WHERE h.granted AND h.pid IN (${pids}) AND NOT w.granted
      AND (locktype = 'relation' AND w.relation = h.relation AND w.mode = 'AccessExclusiveLock'
        OR locktype = 'advisory' AND w.mode = 'ExclusiveLock' AND (w.classid, w.objid, w.objsubid) = (h.classid, h.objid, h.objsubid))
    LIMIT 1`
  return poll(signal, async () => (await control.query(sql))[0]?.[0] ?? undefined)
}

/** Looks again and again; first after a while, because most scans are over by then. */
async function poll<T>(signal: AbortSignal, look: () => Promise<T | undefined>): Promise<T | undefined> {
  for (let idleMs = lookEveryMs; ;) {
    await delay(idleMs, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return undefined
    const startMs = performance.now()
    const found = await look()
    if (found !== undefined) return found
    idleMs = Math.min(mostEveryMs, Math.max(lookEveryMs, idlePerLook * (performance.now() - startMs)))
  }
}
