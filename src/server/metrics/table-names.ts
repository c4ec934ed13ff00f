// The full names of tables, for the label of a metric: what a job stores of a table is how its messages call it, which two tables may share. A name
// is asked for once, and stays the same when the table is renamed, so that a series goes on.

import { orLate } from '../../async/or-late.ts'
import type { FeedTarget } from '../../core/feed-spec.ts'

/** A scrape waits no longer for PostgreSQL. */
const withinMs = 1000
/** Where nobody has answered, nobody is asked for so long. */
const againMs = 30_000

/** Returns the name with its schema of each of these tables that there is. */
export type AskNames = (database: string, relids: readonly number[]) => Promise<ReadonlyMap<number, string>>

export class TableNames {
  readonly #ask: AskNames
  readonly #known = new Map<string, Map<number, string>>()
  readonly #asking = new Map<string, Promise<void>>()
  readonly #askAgainAtMs = new Map<string, number>()

  constructor(ask: AskNames) {
    this.#ask = ask
  }

  /** Learns the names of tables that are not known yet, if PostgreSQL answers soon. */
  async learn(
    tables: readonly { readonly database: string; readonly targets: readonly FeedTarget[] }[],
  ): Promise<void> {
    const missing = new Map<string, number[]>()
    for (const { database, targets } of tables)
      for (const { relid } of targets) {
        if (this.#known.get(database)?.has(relid) === true) continue
        missing.set(database, [...(missing.get(database) ?? []), relid])
      }
    const asked = [...missing].map(([database, relids]) => this.#learn(database, relids))
    if (asked.length === 0) return
    // What comes later is known to the next scrape.
    await orLate(Promise.all(asked), withinMs)
  }

  /** `database.schema.table`; the name in the statement while the schema is not known, or if the table is gone. */
  of(database: string, { relid, name, topic }: FeedTarget): string {
    const known = this.#known.get(database)?.get(relid)
    return known === undefined ? (name ?? topic) : `${database}.${known}`
  }

  async #learn(database: string, relids: readonly number[]): Promise<void> {
    if (performance.now() < (this.#askAgainAtMs.get(database) ?? 0)) return
    let asking = this.#asking.get(database)
    if (asking === undefined) this.#asking.set(database, (asking = this.#learnNow(database, relids)))
    await asking
  }

  async #learnNow(database: string, relids: readonly number[]): Promise<void> {
    try {
      const names = await this.#ask(database, [...new Set(relids)])
      const known = this.#known.get(database) ?? new Map<number, string>()
      for (const [relid, name] of names) known.set(relid, name)
      this.#known.set(database, known)
      // A table that is gone is not asked for with each scrape.
      if (relids.some((relid) => !names.has(relid))) this.#askAgainAtMs.set(database, performance.now() + againMs)
    } catch {
      this.#askAgainAtMs.set(database, performance.now() + againMs)
    } finally {
      this.#asking.delete(database)
    }
  }
}
