// ALTER EVENT TRIGGER is refused for event triggers of ours, so that they are not changed by mistake. PostgreSQL calls no event
// trigger for this command. An event trigger of a user may be changed, also if it has the name of ours.

import { quoteString } from '../../core/quote.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { BackendQuery } from '../../pg-server/local-statement.ts'
import type { AlterEventTrigger } from '../../sql/ast.ts'

/** Rejects if the event trigger is ours: ours belong to the extension plpgsql. */
export async function refuseAlterOfOurs({ name, position }: AlterEventTrigger, query: BackendQuery): Promise<void> {
  const ours = await query(
    `SELECT FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) t.oid
     WHERE t.evtname OPERATOR(pg_catalog.=) ${quoteString(name)} AND d.deptype OPERATOR(pg_catalog.=) 'e'
       AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_event_trigger'::pg_catalog.regclass`,
  )
  if (ours.length === 0) return
  const message = 'ALTER EVENT TRIGGER cannot change what belongs to the changefeeds of this database'
  throw new FeedError('FEED_STATE', message, {
    position: position + 1,
    sqlstate: '55006',
    hint: 'it goes with the last watched table: UNWATCH DATABASE removes everything when no changefeed needs it any more',
  })
}
