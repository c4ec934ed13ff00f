// DDL that the event triggers of ours do not see. Since PostgreSQL 17 a superuser can switch them off. Before that they can
// only be disabled, which leaves a trace that is found (find-unseen.sql); here the trace is removed, too.

import { versionOfTests } from './servers/server-of-tests.ts'

/** Statements that run `sql` as one transaction that no event trigger sees. */
export function unseen(sql: string, version: number = versionOfTests): string {
  if (version >= 17) return `SET event_triggers = off; ${sql}; SET event_triggers = on`
  return [
    forEach(`'ALTER EVENT TRIGGER %I DISABLE', e.evtname`),
    sql,
    forEach(`'ALTER EVENT TRIGGER %I ENABLE ALWAYS', e.evtname`),
    forEach(`'COMMENT ON EVENT TRIGGER %I IS %L', e.evtname, e.xmin`),
  ].join('; ')
}

function forEach(command: string): string {
  return `DO $$ DECLARE e record; BEGIN FOR e IN SELECT evtname, xmin::text FROM pg_event_trigger WHERE evtname LIKE 'pg_changefeed%' LOOP EXECUTE format(${command}); END LOOP; END $$`
}
