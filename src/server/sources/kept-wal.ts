// What a replication slot means for a PostgreSQL that is somebody's own: said once, when the first changefeed of a database makes it.

import { readWalWhileAway } from '../../doctor/wal-while-away.ts'
import type { LocalCall } from '../../pg-server/local-statement.ts'
import { openRawConnection } from '../../postgres/raw-connection.ts'
import type { SourceConnection } from '../../postgres/source-connection.ts'

const hint =
  'the metrics changefeed_source_slot_… say how much it is; UNWATCH DATABASE removes the slot when no changefeed needs it any more'

export async function sayWhatIsKept(source: SourceConnection, { notice }: Pick<LocalCall, 'notice'>): Promise<void> {
  await using connection = await openRawConnection({ source })
  const what = await readWalWhileAway(connection)
  notice('NOTICE', `the first changefeed of database "${source.database}" makes a replication slot: ${what}`, hint)
}
