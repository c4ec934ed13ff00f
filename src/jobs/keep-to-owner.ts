// The tables of the system database say who may make jobs, where their messages go, and whose rights they have. A member
// of pg_write_all_data may write every table, and must not come to more rights by that: only the owner writes these.

import type { JobsQuery } from './job-table.ts'

// pg_temp stands last in the path: where it is not named it comes first, and a temporary table of the name of a catalogue
// would decide who the owner is.
const functionSql = `CREATE OR REPLACE FUNCTION changefeed.only_its_owner() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = tg_relid), 'USAGE') THEN
    RAISE EXCEPTION 'only its owner writes to changefeed.%', tg_table_name
      USING ERRCODE = 'insufficient_privilege', HINT = 'use SET CLUSTER SETTING, GRANT CHANGEFEED and CREATE CHANGEFEED';
  END IF;
  RETURN NULL;
END $$`

/** For every table that is there. A start that finds them so writes nothing. */
export async function keepToOwner(query: JobsQuery): Promise<void> {
  const open = await query(
    `SELECT quote_ident(relname) FROM pg_class c WHERE relnamespace = 'changefeed'::regnamespace AND relkind = 'r'
       AND relname IN ('jobs', 'settings', 'table_privileges')
       AND NOT EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE tgrelid = c.oid AND tgname = 'only_its_owner'
         AND tgenabled = 'A' AND proconfig = '{"search_path=pg_catalog, pg_temp"}')`,
    [],
  )
  if (open.length === 0) return
  await query(functionSql, [])
  for (const [table] of open) {
    await query(
      `CREATE OR REPLACE TRIGGER only_its_owner BEFORE INSERT OR UPDATE OR DELETE ON changefeed.${table}
       FOR EACH STATEMENT EXECUTE FUNCTION changefeed.only_its_owner()`,
      [],
    )
    await query(`ALTER TABLE changefeed.${table} ENABLE ALWAYS TRIGGER only_its_owner`, [])
  }
}
