// What must hold at the source while the stream runs, looked at every few seconds. PostgreSQL says nothing when a table
// leaves a publication: its rows are silently missing from the stream. Then the log says so, and the table is put back.

import { nextHlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { LogWriter } from '../changelog/files/log-writer.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { GroupCommit } from './group-commit.ts'
import { publication } from './install-names.ts'
import { installedSql } from './install-sql.ts'
import type { Queries } from './serial-queries.ts'
import { watchTables } from './watch.ts'

/** Every so many looks, also what only the event trigger would have told is looked for. */
const lookEvery = 12

const stateSql = `SELECT (${installedSql})::text, (SELECT token FROM changefeed.source), (SELECT EXISTS (SELECT FROM changefeed.watched w WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = w.relid)))::text`

export interface HealthOptions {
  readonly control: Queries
  readonly writer: LogWriter
  readonly commit: GroupCommit
  /** The one that the log knows: a new one says that rows may be missing. */
  readonly token: string
  readonly source: SourceConnection
  readonly gap: (reason: string) => void
}

export class HealthCheck {
  readonly #options: HealthOptions
  #isChecking = false
  /** The tables whose gap is in the log and that are not back yet. */
  #told = ''
  #looks = 0
  #lookAgain = false

  constructor(options: HealthOptions) {
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
    const { control, writer, commit, source, token, gap } = this.#options
    const [state] = await control.query(stateSql)
    const [isInstalled, tokenNow, isGone] = state ?? []
    // The next attempt installs what is not there, and writes down what it means for the log.
    if (isInstalled !== 'true' || tokenNow !== token)
      throw new FeedError('FEED_SOURCE_REFUSED', 'what pg-changefeed keeps in the source database was changed')
    this.#looks += 1
    if (isGone === 'true' || this.#lookAgain || this.#looks % lookEvery === 0) {
      const [done] = await control.query('SELECT changefeed.look()')
      // A table was in use.
      this.#lookAgain = done?.[0] !== 't'
    }
    const lost = await control.query('SELECT relid::text, name FROM changefeed.lost()')
    if (lost.length === 0) {
      this.#told = ''
      return
    }
    const names = lost.map(([, name]) => name).join(', ')
    if (names !== this.#told) {
      // Next time, when no transaction is open.
      if (writer.inTransaction) return
      const reason = `publication "${publication}" was dropped or lost ${names}: their changes were not published until now`
      writer.gap(nextHlc(writer.lastTimestamp), writer.endLsn, reason)
      this.#told = names
      await commit.drain()
      gap(reason)
    }
    let areBack = true
    for (const [relid] of lost) {
      try {
        await watchTables(source, [{ relid: Number(relid) }], { isLossTold: true })
      } catch (error) {
        // Dropped meanwhile, or locked for too long: looked at again next time.
        if (!(error instanceof FeedError) || error.code === 'FEED_BUG') throw error
        areBack = false
      }
    }
    // Lost once more, it is another gap.
    if (areBack) this.#told = ''
  }
}
