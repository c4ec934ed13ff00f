// The full names of tables, for the label of a metric: what a job stores of a table is how its messages call it, which two tables may share. Names
// are asked for again from time to time, because a table may be renamed, and another one may get its name.

import { orLate } from '../../async/or-late.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'

/** A scrape waits no longer for PostgreSQL. */
const withinMs = 1000
/** Where nobody has answered, nobody is asked for so long. */
const againMs = 30_000
/** So long a name is taken to be the one that its table has. */
const freshMs = 60_000

/** Returns the name with its schema of each of these tables that there is. */
export type AskNames = (database: string, relids: readonly number[]) => Promise<ReadonlyMap<number, string>>

export class TableNames {
  readonly #ask: AskNames
  readonly #freshMs: number
  readonly #known = new Map<string, ReadonlyMap<number, string>>()
  readonly #asking = new Map<string, Promise<void>>()
  readonly #askAgainAtMs = new Map<string, number>()
  readonly #freshUntilMs = new Map<string, number>()

  constructor(ask: AskNames, freshForMs = freshMs) {
    this.#ask = ask
    this.#freshMs = freshForMs
  }

  /** Learns the names of tables that are not known yet, or not any more, if PostgreSQL answers soon. */
  async learn(
    tables: readonly { readonly database: string; readonly targets: readonly FeedTarget[] }[],
  ): Promise<void> {
    const ofDatabases = new Map<string, Set<number>>()
    for (const { database, targets } of tables) {
      const relids = ofDatabases.get(database) ?? new Set()
      ofDatabases.set(database, relids)
      for (const { relid } of targets) relids.add(relid)
    }
    const asked = [...ofDatabases]
      .filter(([database, relids]) => this.#isStale(database, relids))
      .map(([database, relids]) => this.#learn(database, [...relids]))
    if (asked.length === 0) return
    // What comes later is known to the next scrape.
    await orLate(Promise.all(asked), withinMs)
  }

  /** `database.schema.table`; the name in the statement while the schema is not known, or if the table is gone. */
  of(database: string, { relid, name, topic }: FeedTarget): string {
    const known = this.#known.get(database)?.get(relid)
    return known === undefined ? (name ?? topic) : `${database}.${known}`
  }

  #isStale(database: string, relids: ReadonlySet<number>): boolean {
    const now = performance.now()
    if (now < (this.#askAgainAtMs.get(database) ?? 0)) return false
    const known = this.#known.get(database)
    return now >= (this.#freshUntilMs.get(database) ?? 0) || [...relids].some((relid) => known?.has(relid) !== true)
  }

  async #learn(database: string, relids: readonly number[]): Promise<void> {
    let asking = this.#asking.get(database)
    if (asking === undefined) this.#asking.set(database, (asking = this.#learnNow(database, relids)))
    await asking
  }

  async #learnNow(database: string, relids: readonly number[]): Promise<void> {
    try {
      const names = await this.#ask(database, relids)
      // All are replaced, so that no two tables have the same name: one of them had it before.
      this.#known.set(database, names)
      this.#freshUntilMs.set(database, performance.now() + this.#freshMs)
      // A table that is gone is not asked for with each scrape.
      if (relids.some((relid) => !names.has(relid))) this.#askAgainAtMs.set(database, performance.now() + againMs)
    } catch {
      this.#askAgainAtMs.set(database, performance.now() + againMs)
    } finally {
      this.#asking.delete(database)
    }
  }
}
