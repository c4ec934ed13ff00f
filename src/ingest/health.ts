// Checks every few seconds what must hold at the source while the stream runs. PostgreSQL says nothing when a table leaves a
// publication: its rows are silently missing from the stream. Then a gap goes into the log, and the table is published again.

import { recordGap } from './record-gap.ts'
import { asFeedError, FeedError } from '../errors/feed-error.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { isLocked } from '../postgres/table-locks.ts'
import { publication } from '../source-schema/names.ts'
import { rowsOf } from '../source-schema/call.ts'
import { installedSql } from '../source-schema/source-schema.ts'
import type { Health, HealthOptions } from './source-keeper.ts'
import { watchTables } from './watch.ts'

/**
 * Every so many checks a round begins that compares the descriptions of tables with the catalogue, because DDL may have
 * passed the event triggers. Each check of a round compares so many tables: a source with thousands of tables is not asked to
 * describe all of them at once.
 */
const roundEveryChecks = 12
const tablesPerCheck = 100

const stateSql = (): string =>
  `SELECT (${installedSql()})::text, (SELECT token FROM changefeed.source), (SELECT EXISTS (SELECT FROM changefeed.watched w WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = w.relid)))::text`

export interface HealthCheckOptions extends HealthOptions {
  readonly source: SourceConnection
}

export class HealthCheck implements Health {
  readonly #options: HealthCheckOptions
  #isChecking = false
  /** Names of the tables whose gap is in the log and that are not published again yet. */
  #reported = ''
  /** Checks until the next round begins. The first check begins one, because nothing was checked while ingest was away. */
  #checksToRound = 0
  /** The oid of the table after which the round continues; 0: the round is over. */
  #roundAfter = 0
  #mustRepeat = false

  constructor(options: HealthCheckOptions) {
    this.#options = options
  }

  /** Rejects when the source is gone. */
  async check(): Promise<void> {
    if (this.#isChecking) return
    this.#isChecking = true
    try {
      await this.#check()
    } finally {
      this.#isChecking = false
    }
  }

  async #check(): Promise<void> {
    const { control, source, token } = this.#options
    const [state] = await control.query(stateSql())
    const [isInstalled, tokenNow, isGone] = state ?? []
    // The next attempt installs what is missing, and writes into the log what that means for the changes.
    if (isInstalled !== 'true' || tokenNow !== token)
      throw new FeedError('FEED_SOURCE_REFUSED', 'what pg-changefeed keeps in the source database was changed')
    try {
      await this.#compareDescriptions(isGone === 'true')
    } catch (error) {
      // A transaction that changes a type, for example. The next check asks again.
      if (!isLocked(error)) throw error
      this.#mustRepeat = true
    }
    const lost = await rowsOf(control, 'lost', {})
    if (lost.length === 0) {
      this.#reported = ''
      return
    }
    const names = lost.map(({ name }) => name).join(', ')
    if (names !== this.#reported) {
      const reason = `publication "${publication}" was dropped or lost ${names}: their changes were not published until now`
      if (!(await recordGap(this.#options, reason))) return
      this.#reported = names
    }
    let areBack = true
    for (const { relid } of lost) {
      try {
        await watchTables(source, [{ relid }], { isLossReported: true })
      } catch (error) {
        // The table was dropped meanwhile, or locked for too long: the next check tries again.
        const { code } = asFeedError(error)
        if (code === 'FEED_BUG' || code === 'FEED_UNEXPECTED') throw error
        areBack = false
      }
    }
    // If they are lost again, that is another gap.
    if (areBack) this.#reported = ''
  }

  async #compareDescriptions(isGone: boolean): Promise<void> {
    const isNewRound = this.#checksToRound <= 0
    if (isNewRound) this.#checksToRound = roundEveryChecks
    this.#checksToRound -= 1
    if (!isNewRound && !isGone && !this.#mustRepeat && this.#roundAfter === 0) return
    const { control } = this.#options
    const after = this.#roundAfter
    let [row] = await rowsOf(control, 'look', { after, most: tablesPerCheck, told: [] })
    const { missed, names } = row ?? { missed: [], names: '' }
    if (missed.length > 0) {
      // If the table were described before the gap is in the log, its change would seem to begin now.
      const reason = `DDL changed ${names} and our event triggers did not see it (event_triggers was off): changes since then may have been read wrongly`
      if (!(await recordGap(this.#options, reason, missed))) {
        this.#mustRepeat = true
        return
      }
      ;[row] = await rowsOf(control, 'look', { after, most: tablesPerCheck, told: missed })
    }
    // If not, a table was in use.
    this.#mustRepeat = row?.are_done !== true
    this.#roundAfter = row?.next ?? 0
  }
}
