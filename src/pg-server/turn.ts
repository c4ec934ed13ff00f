// What the two query protocols need of a session when it is a statement's turn to answer.

import { FeedError } from '../errors/feed-error.ts'
import type { BackendLink } from './backend-link.ts'
import type { LocalRun } from './local-run.ts'
import type { StartedCall } from './local-statement.ts'

export interface Turn {
  readonly link: BackendLink
  /** Writes to the client; settles when it can take more. */
  write(bytes: Uint8Array): Promise<void>
  start(call: StartedCall): LocalRun
}

/** An error of ours fails the transaction, as one of PostgreSQL's would: by a statement that cannot succeed. */
export async function failTransaction({ link }: Turn): Promise<void> {
  // The question may end an implicit transaction, whose deferred constraints may fail: the transaction is over then.
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
