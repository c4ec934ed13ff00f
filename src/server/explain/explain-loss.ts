// Explains errors of connections to PostgreSQL by why PostgreSQL is down: the path of a socket and an error number say
// nothing about a full disk.

import { FeedError, type WireError } from '../../errors/feed-error.ts'
import type { Refusal } from '../../pg-server/local-statement.ts'
import type { Backend } from '../../postgres/backend.ts'
import type { ReportFields } from '../../wire/report-fields.ts'

type Failing = Pick<Backend, 'failure'>

export function explainLoss(error: FeedError, { failure: why }: Failing): FeedError {
  if (error.code !== 'FEED_SOURCE_DOWN' || why === undefined) return error
  const { sqlstate, message } = error
  return new FeedError(error.code, why.message, { sqlstate, detail: message, hint: why.hint, cause: error })
}

/** Like `explainLoss`, for an error that has crossed threads. */
export function explainWireLoss(error: WireError, { failure: why }: Failing): WireError {
  if (error.code !== 'FEED_SOURCE_DOWN' || why === undefined) return error
  return { ...error, message: why.message, hint: why.hint, detail: error.message }
}

const startsOrStops = /^57P0[123]$/

/** Explains an error that PostgreSQL itself sends while it starts up or shuts down. */
export function explainState({ sqlstate }: Refusal, { failure: why }: Failing): ReportFields | undefined {
  if (why === undefined || !startsOrStops.test(sqlstate)) return undefined
  // The text must be ASCII, because the client may read another encoding.
  return /^[\x20-\x7e]*$/.test(why.message) ? { message: why.message, hint: why.hint } : undefined
}
