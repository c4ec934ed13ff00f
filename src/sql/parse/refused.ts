// Statements of CockroachDB that are not built yet. PostgreSQL would report a syntax error; these errors say what to use instead.

import { FeedError } from '../../errors/feed-error.ts'
import type { Cursor } from './cursor.ts'

/** Refuses SHOW CHANGEFEED JOB and SHOW CHANGEFEED JOBS. */
export function refuseShowChangefeedJobs(cursor: Cursor): undefined {
  throw new FeedError('FEED_UNSUPPORTED', 'SHOW CHANGEFEED JOBS is not supported yet', {
    position: cursor.position + 1,
    hint: 'SHOW JOBS lists them, SHOW JOB id shows one',
  })
}

/** Refuses CREATE OR REPLACE CHANGEFEED. */
export function refuseReplaceChangefeed(cursor: Cursor): undefined {
  throw new FeedError('FEED_UNSUPPORTED', 'CREATE OR REPLACE CHANGEFEED is not supported yet', {
    position: cursor.position + 1,
    hint: 'SHOW JOBS lists the changefeeds: CANCEL JOB id, then CREATE CHANGEFEED',
  })
}

/** Refuses CREATE SCHEDULE: PostgreSQL has schedules neither of changefeeds nor of backups. */
export function refuseSchedule(cursor: Cursor): undefined {
  throw new FeedError('FEED_UNSUPPORTED', 'CREATE SCHEDULE is not supported yet', {
    position: cursor.position + 1,
    hint: "run CREATE CHANGEFEED … WITH initial_scan = 'only' from a scheduler of the machine, such as cron",
  })
}

/** Refuses ALTER CHANGEFEED. */
export function refuseAlterChangefeed(cursor: Cursor): undefined {
  throw new FeedError('FEED_UNSUPPORTED', 'ALTER CHANGEFEED is not supported yet', {
    position: cursor.position + 1,
    hint: "CANCEL JOB id, and create one that goes on: WITH cursor = '…', the high_water_timestamp in crdb_internal.jobs, or beside a PostgreSQL of yours in changefeed_state.jobs",
  })
}
