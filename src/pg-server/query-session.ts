// The part of a session that the simple and the extended query protocol use, and what both do when a statement of ours fails.

import { FeedError } from '../errors/feed-error.ts'
import type { BackendLink } from './backend-link.ts'
import type { LocalRun } from './local-run.ts'
import type { MalformedPiece, StartedCall } from './local-statement.ts'

export interface QuerySession {
  readonly link: BackendLink
  /** Writes to the client; settles when the client can receive more. */
  write(bytes: Uint8Array): Promise<void>
  start(call: StartedCall): LocalRun
  /** Throws the error of the statement. */
  refuseMalformed(piece: MalformedPiece): never
}

/** Puts an open transaction into the failed state, as an error of PostgreSQL would: it sends a statement that cannot succeed. */
export async function failTransaction({ link }: QuerySession): Promise<void> {
  // `statusNow` may commit an implicit transaction. If a deferred constraint fails at that, the transaction has ended.
  const status = await link.statusNow().catch(() => 'I')
  if (status !== 'T') return
  await link.query('ROLLBACK TO SAVEPOINT changefeed_statement_failed').catch(() => undefined)
}

export function canceled(): FeedError {
  return new FeedError('FEED_CANCELED', 'query execution canceled')
}

export function inFailedTransaction(): FeedError {
  return new FeedError(
    'FEED_STATE',
    'current transaction is aborted, commands ignored until end of transaction block',
    { sqlstate: '25P02' },
  )
}
