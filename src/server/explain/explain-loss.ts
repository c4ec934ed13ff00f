// Why PostgreSQL is away, in the place of what a failed connection says: the path of a socket and an error number tell
// nobody that the disk is full.

import { FeedError, type WireError } from '../../errors/feed-error.ts'
import type { Refusal } from '../../pg-server/local-statement.ts'
import type { ReportFields } from '../../wire/report-fields.ts'

/** Why connections fail, where that is more than a restart. */
export type PostgresFailure = () => FeedError | undefined

export function explainLoss(error: FeedError, failure: PostgresFailure): FeedError {
  if (error.code !== 'FEED_SOURCE_DOWN') return error
  const why = failure()
  if (why === undefined) return error
  const { sqlstate, message } = error
  return new FeedError(error.code, why.message, { sqlstate, detail: message, hint: why.hint, cause: error })
}

/** The same for an error that crosses threads. */
export function explainWireLoss(error: WireError, failure: PostgresFailure): WireError {
  if (error.code !== 'FEED_SOURCE_DOWN') return error
  const why = failure()
  return why === undefined ? error : { ...error, message: why.message, hint: why.hint, detail: error.message }
}

const comingOrGoing = /^57P0[123]$/

/** The same for PostgreSQL's own words while it comes up or goes down. */
export function explainState({ sqlstate }: Refusal, failure: PostgresFailure): ReportFields | undefined {
  const why = comingOrGoing.test(sqlstate) ? failure() : undefined
  // The client may read another encoding.
  return why === undefined || !/^[\x20-\x7e]*$/.test(why.message) ? undefined : { message: why.message, hint: why.hint }
}
