// Finds at an installation that what was installed here has not been at work: a superuser has switched an event trigger
// off, dropped or renamed it. What was done meanwhile (to the publication, to a key, to a type) is not known, so the log
// must say that changes may be missing. An upgrade is no such thing: an earlier version may have had fewer event triggers.

import { ourEventTriggersSql } from './ownership.ts'

/** Stands in the SQL for its own fingerprint, which is known only when the SQL is. */
export const ownVersion = '<fingerprint of this version>'

/** A condition over `pg_event_trigger e`: it is as it was made. ALTER EVENT TRIGGER, even undone, writes the row anew. */
export const isUntouchedSql = `e.evtenabled = 'A' AND obj_description(e.oid, 'pg_event_trigger') IS NOT DISTINCT FROM e.xmin::text`

/** Before anything is made anew. What an earlier version did not make is not missing. */
export const findUnseenSql = `SELECT set_config('changefeed.unseen', coalesce(string_agg(name, ', ' ORDER BY name), ''), true)
  FROM unnest(${ourEventTriggersSql}) AS name LEFT JOIN pg_event_trigger e ON e.evtname = name
  WHERE e.evtenabled IN ('D', 'R') OR obj_description(e.oid, 'pg_event_trigger') <> e.xmin::text
    OR obj_description(to_regnamespace('changefeed'), 'pg_namespace') = '${ownVersion}' AND (${isUntouchedSql}) IS NOT TRUE;
`

/** When the row of `changefeed.source` is there. */
export const distrustUnseenSql = `UPDATE changefeed.source SET token = md5(gen_random_uuid()::text),
    why = format('event trigger %s was switched off, altered or removed: what was changed meanwhile is not known', current_setting('changefeed.unseen'))
  WHERE current_setting('changefeed.unseen') <> '';
`
