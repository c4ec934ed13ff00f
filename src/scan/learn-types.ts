// Lets a connection learn what its composite types consist of, before it locks anything.
//
// When a session first prints a composite value, it locks the relation of the type for a moment. ALTER TYPE holds this relation until
// its transaction ends, and waits for whoever keeps the type as it is. A scan that kept the type, and printed its first value then,
// would wait for a session that waits for the scan. What a session has learnt it knows until the type is changed.

import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { isLocked } from '../postgres/table-locks.ts'

/** The connection must have no open transaction. Throws if a type is being changed, as the connection's lock_timeout says. */
export async function learnTypes(connection: RawConnection, composites: readonly number[]): Promise<void> {
  if (composites.length === 0) return
  // An empty text is no value of any composite type, which is found after the type was looked up, and before anything else is done.
  // It takes the number of a type: our role may have no right to use the schema of its name.
  const sql = `DO $$ DECLARE type pg_catalog.oid; BEGIN
      FOREACH type IN ARRAY '{${composites.join(', ')}}'::pg_catalog.oid[] LOOP
        BEGIN PERFORM pg_catalog.record_in('', type, -1);
        EXCEPTION WHEN lock_not_available OR deadlock_detected OR query_canceled THEN RAISE; WHEN OTHERS THEN NULL; END;
      END LOOP;
    END $$`
  try {
    await connection.query(sql)
  } catch (error) {
    // Somebody may have taken the language away. The scan then gives way when it has to wait.
    if (!(error instanceof FeedError) || error.code !== 'FEED_SOURCE_REFUSED' || isLocked(error)) throw error
  }
}
