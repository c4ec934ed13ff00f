// What must hold at the source while the stream runs, looked at every few seconds. PostgreSQL says nothing when a table
// leaves a publication: its rows are silently missing from the stream. Then the log says so, and the table is put back.

import { nextHlc } from '../core/hlc.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { LogWriter } from '../changelog/files/log-writer.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { GroupCommit } from './group-commit.ts'
import { publication } from './install-sql.ts'
import type { Queries } from './serial-queries.ts'
import { watchTables } from './watch.ts'

const lostTablesSql = `SELECT w.relid::text, format('%I.%I', n.nspname, c.relname)
FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  WHERE p.pubname = '${publication}' AND r.prrelid = w.relid)
ORDER BY 1`

export interface HealthOptions {
  readonly control: Queries
  readonly writer: LogWriter
  readonly commit: GroupCommit
  readonly source: SourceConnection
  readonly gap: (reason: string) => void
}

export class HealthCheck {
  readonly #options: HealthOptions
  #isChecking = false
  /** The tables whose gap is in the log and that are not back yet. */
  #told = ''

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
    const { control, writer, commit, source, gap } = this.#options
    const lost = await control.query(lostTablesSql)
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
    for (const [relid] of lost) {
      try {
        await watchTables(source, [{ relid: Number(relid) }])
      } catch (error) {
        // Dropped meanwhile, or locked for too long: looked at again next time.
        if (!(error instanceof FeedError) || error.code === 'FEED_BUG') throw error
      }
    }
  }
}
