// Which versions of PostgreSQL a server works with.

import type { Logger } from 'pino'
import { FeedError } from '../../errors/feed-error.ts'
import type { Queries } from '../queries.ts'

/** Major versions. */
const earliest = 14
const latestTried = 18

/** Throws for a version that is too early; a version that is later than those that were tried gets a warning in the log. */
export async function checkVersion(connection: Queries, log: Logger): Promise<void> {
  const [row] = await connection.query(
    `SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('server_version')`,
  )
  const [number, name] = row ?? []
  const major = Math.floor(Number(number) / 10_000)
  if (major < earliest) {
    throw new FeedError(
      'FEED_START',
      `PostgreSQL ${name} is too old: changefeeds need PostgreSQL ${earliest} or later`,
      {
        hint: 'upgrade it; versions before 14 cannot stream transactions that are still open, nor do their slots tell enough',
      },
    )
  }
  if (major > latestTried)
    log.warn({ version: name }, `this version of pg-changefeed was tried with PostgreSQL ${earliest} to ${latestTried}`)
}
