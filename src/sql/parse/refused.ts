// Statements of CockroachDB that are still to come: PostgreSQL would only call them a syntax error. Said is what does today.

import { FeedError } from '../../errors/feed-error.ts'
import type { Cursor } from './cursor.ts'

/** Behind SHOW CHANGEFEED JOB or JOBS. */
export function refuseShowChangefeedJobs(cursor: Cursor): undefined {
  throw new FeedError('FEED_UNSUPPORTED', 'SHOW CHANGEFEED JOBS is not supported yet', {
    position: cursor.position + 1,
    hint: 'SHOW JOBS lists them, SHOW JOB id shows one',
  })
}

/** Behind ALTER CHANGEFEED. */
export function refuseAlterChangefeed(cursor: Cursor): undefined {
  throw new FeedError('FEED_UNSUPPORTED', 'ALTER CHANGEFEED is not supported yet', {
    position: cursor.position + 1,
    hint: "CANCEL JOB id, and create one that goes on: WITH cursor = '…', the high_water_timestamp in crdb_internal.jobs",
  })
}

/** Behind ALTER EVENT TRIGGER. PostgreSQL tells no event trigger of it, so it is refused before it gets there. */
export function refuseAlterOurTrigger(cursor: Cursor): undefined {
  const token = cursor.next
  if (token?.tag !== 'word' && token?.tag !== 'quoted') return undefined
  const { position } = cursor
  if (!cursor.name().startsWith('pg_changefeed_')) return undefined
  throw new FeedError(
    'FEED_STATE',
    'ALTER EVENT TRIGGER cannot change what belongs to the changefeeds of this database',
    {
      position: position + 1,
      sqlstate: '55006',
      hint: 'it goes with the last watched table: UNWATCH DATABASE removes everything when no changefeed needs it any more',
    },
  )
}
