// What a replication slot means for a PostgreSQL that is somebody's own: said once, when the first changefeed of a database makes it.

import type { LocalCall } from '../../pg-server/local-statement.ts'
import { queryOnce } from '../../postgres/raw-connection.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'

const hint =
  'the metrics changefeed_source_slot_… say how much it is; UNWATCH DATABASE removes the slot when no changefeed needs it any more'

export async function sayWhatIsKept(source: SourceConnection, { notice }: Pick<LocalCall, 'notice'>): Promise<void> {
  const [row] = await queryOnce(
    source,
    `SELECT setting, pg_catalog.current_setting('max_slot_wal_keep_size') FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size'`,
  )
  const [setting, shown] = row ?? []
  const limit =
    setting === '-1'
      ? 'max_slot_wal_keep_size is -1, so that this has no limit but its disk'
      : `max_slot_wal_keep_size is ${shown}: what is beyond that is lost, and the changefeeds end with an error`
  notice(
    'NOTICE',
    `from now on PostgreSQL keeps the write-ahead log of database "${source.database}" while this server is down: ${limit}`,
    hint,
  )
}
