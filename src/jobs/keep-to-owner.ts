// The tables of the system database contain who may create jobs, where their messages go, and whose rights they have. A member
// of pg_write_all_data may write every table, and must not get more rights by that. Therefore triggers let only the owner write.

import type { State, StateSchema } from '../core/state.ts'

// pg_temp is last in the search_path. If the path did not name it, it would come first, and a temporary table with the name of a
// catalogue would decide who the owner is.
const functionSql = (
  schema: StateSchema,
): string => `CREATE OR REPLACE FUNCTION ${schema}.only_its_owner() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = tg_relid), 'USAGE') THEN
    RAISE EXCEPTION 'only its owner writes to %.%', tg_table_schema, tg_table_name
      USING ERRCODE = 'insufficient_privilege', HINT = 'use SET CLUSTER SETTING, GRANT CHANGEFEED and CREATE CHANGEFEED';
  END IF;
  RETURN NULL;
END $$`

/** Adds the trigger to every table that lacks it. If none lacks it, nothing is written. */
export async function keepToOwner({ query, schema }: State): Promise<void> {
  const open = await query(
    `SELECT quote_ident(relname) FROM pg_class c WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r'
       AND relname IN ('jobs', 'settings', 'table_privileges', 'group_roles', 'source')
       AND NOT EXISTS (SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE tgrelid = c.oid AND tgname = 'only_its_owner'
         AND tgenabled = 'A' AND proconfig = '{"search_path=pg_catalog, pg_temp"}')`,
    [],
  )
  if (open.length === 0) return
  await query(functionSql(schema), [])
  for (const [table] of open) {
    await query(
      `CREATE OR REPLACE TRIGGER only_its_owner BEFORE INSERT OR UPDATE OR DELETE ON ${schema}.${table}
       FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.only_its_owner()`,
      [],
    )
    await query(`ALTER TABLE ${schema}.${table} ENABLE ALWAYS TRIGGER only_its_owner`, [])
  }
}
