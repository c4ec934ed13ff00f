// What lives in a source database: a schema of ours with the list of watched tables and their descriptions (each a
// TableDescription as JSON), and event triggers that write a new description in the very transaction that changed the
// table. The list is published like the watched tables themselves, so a description comes out of logical decoding exactly
// between the rows before and after the DDL, in the encoding that rows have, and only who may write the list can forge it.

import { createHash } from 'node:crypto'
import { describeSql } from './install-describe.ts'
import { explainLock } from './explain-lock.ts'
import { explainDdl } from './explain-ddl.ts'
import { ddlSql } from './install-ddl.ts'
import { belongSql, releaseSql } from './members.ts'
import { installLockSql, installLockTable, publication } from './names.ts'
import {
  hasOurSchemaSql,
  ourEventTriggers,
  ourEventTriggersSql,
  publicationMark,
  refuseOthersSql,
} from './ownership.ts'
import { distrustUnseenSql, findUnseenSql, isUntouchedSql, ownVersion } from './unseen.ts'
import { watchingSql } from './install-watching.ts'
import type { Queries } from '../postgres/queries.ts'

/** Names of the functions that this version makes, and of those that earlier versions made. */
export const ourFunctions: readonly string[] = [
  'emit',
  'only_ours',
  ...[describeSql, watchingSql, ddlSql].flatMap((sql) =>
    [...sql.matchAll(/CREATE OR REPLACE FUNCTION changefeed\.(\w+)\(/g)].map(([, name]) => name as string),
  ),
]

/** Idempotent; to run in one transaction, by a superuser. */
const installSql = `
${installLockSql}
${refuseOthersSql(ourFunctions)}DO $$ BEGIN
  -- Not IF NOT EXISTS: one that somebody has made since then is theirs.
  IF to_regnamespace('changefeed') IS NULL THEN CREATE SCHEMA changefeed; END IF;
END $$;
REVOKE ALL ON SCHEMA changefeed FROM PUBLIC;
SELECT set_config('changefeed.internal', 'on', true);
${findUnseenSql}${releaseSql}-- They are made anew below, and do not look at what happens until then.
DROP EVENT TRIGGER IF EXISTS pg_changefeed_ddl;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_drop;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_rewrite;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_publication;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_publication_drop;

CREATE TABLE IF NOT EXISTS changefeed.source (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  token text NOT NULL DEFAULT md5(gen_random_uuid()::text),
  -- A new token says that rows may be missing that were written under the old one, and this says why.
  why text,
  -- The token whose reason is in the log.
  seen text
);
DO $$ BEGIN
  -- Made by an earlier version.
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'changefeed.source'::regclass AND attname = 'seen') THEN
    ALTER TABLE changefeed.source ADD COLUMN why text, ADD COLUMN seen text;
    UPDATE changefeed.source SET seen = token;
  END IF;
END $$;
INSERT INTO changefeed.source DEFAULT VALUES ON CONFLICT DO NOTHING;
${distrustUnseenSql}

-- It has no rows: it is locked, see hold_types().
CREATE TABLE IF NOT EXISTS changefeed.type_locks ();

CREATE TABLE IF NOT EXISTS changefeed.watched (
  relid oid PRIMARY KEY,
  description jsonb NOT NULL,
  since_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
-- Types of users that the table is made of.
ALTER TABLE changefeed.watched ADD COLUMN IF NOT EXISTS types oid[] NOT NULL DEFAULT '{}';
-- How often ALTER TABLE has written all rows anew with other values.
ALTER TABLE changefeed.watched ADD COLUMN IF NOT EXISTS rewrites int NOT NULL DEFAULT 0;
-- Each DDL that changes a type asks for the tables that are made of it.
CREATE INDEX IF NOT EXISTS watched_types ON changefeed.watched USING gin (types) WITH (fastupdate = off);
DO $$ BEGIN
  -- Made by an earlier version.
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'changefeed.watched'::regclass AND attname = 'needed_at') THEN
    ALTER TABLE changefeed.watched
      -- When it was last known to be needed by a changefeed or a job.
      ADD COLUMN needed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      -- The replica identity that it had before we changed it; null: we have not.
      ADD COLUMN was_identity "char",
      ADD COLUMN was_index oid,
      -- Of \`since_xid\`, for when its commit time is not known any more.
      ADD COLUMN since timestamptz;
    ALTER TABLE changefeed.watched ALTER COLUMN since SET DEFAULT clock_timestamp();
  END IF;
END $$;
-- The rows of this table are published, and each is read as what a watched table looks like from there on: whoever can
-- write them decides how rows are read. A member of pg_write_all_data could.
CREATE OR REPLACE FUNCTION changefeed.only_ours() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF tg_op = 'TRUNCATE' THEN
    RAISE EXCEPTION 'TRUNCATE cannot change what belongs to the changefeeds of this database'
      USING ERRCODE = 'object_in_use', HINT = 'UNWATCH DATABASE gives all tables back when no changefeed needs them any more';
  END IF;
  IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = tg_relid), 'USAGE') THEN
    RAISE EXCEPTION 'only its owner writes to changefeed.%', tg_table_name USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER only_ours BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON changefeed.watched FOR EACH STATEMENT EXECUTE FUNCTION changefeed.only_ours();
CREATE OR REPLACE TRIGGER only_ours BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON changefeed.source FOR EACH STATEMENT EXECUTE FUNCTION changefeed.only_ours();
ALTER TABLE changefeed.watched ENABLE ALWAYS TRIGGER only_ours;
ALTER TABLE changefeed.source ENABLE ALWAYS TRIGGER only_ours;
-- Descriptions came as logical messages once.
DROP FUNCTION IF EXISTS changefeed.emit(jsonb);
DROP FUNCTION IF EXISTS changefeed.look();
DROP FUNCTION IF EXISTS changefeed.published();
${describeSql}${watchingSql}${ddlSql}
DO $$ BEGIN
  -- Another version may describe the same table in other words: that is no change that event triggers have missed.
  IF obj_description('changefeed'::regnamespace, 'pg_namespace') IS DISTINCT FROM '${ownVersion}'
      AND EXISTS (SELECT FROM changefeed.watched WHERE changefeed.describe(relid) <> description) THEN
    -- Whoever changes a table in this moment has it described; what is written here comes behind that.
    LOCK TABLE changefeed.watched IN SHARE ROW EXCLUSIVE MODE;
    UPDATE changefeed.watched SET description = changefeed.describe(relid), types = changefeed.types_of(relid) WHERE changefeed.describe(relid) <> description;
  END IF;
END $$;

DO $$
DECLARE e record;
BEGIN
  FOR e IN SELECT * FROM (VALUES
      ('pg_changefeed_ddl', 'ddl_command_end', 'on_ddl', ''),
      ('pg_changefeed_drop', 'sql_drop', 'on_ddl', ''),
      ('pg_changefeed_rewrite', 'table_rewrite', 'on_rewrite', ''),
      ('pg_changefeed_publication', 'ddl_command_end', 'on_publication', 'WHEN TAG IN (''CREATE PUBLICATION'', ''ALTER PUBLICATION'')'),
      ('pg_changefeed_publication_drop', 'sql_drop', 'on_publication', 'WHEN TAG IN (''ALTER PUBLICATION'', ''DROP PUBLICATION'', ''DROP OWNED'')')
    ) AS v (name, event, function, condition) LOOP
    EXECUTE format('CREATE EVENT TRIGGER %I ON %s %s EXECUTE FUNCTION changefeed.%I()', e.name, e.event, e.condition, e.function);
    -- Also when session_replication_role is 'replica': a restore changes tables too.
    EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', e.name);
    EXECUTE format('COMMENT ON EVENT TRIGGER %I IS %L', e.name, (SELECT xmin::text FROM pg_event_trigger WHERE evtname = e.name));
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = '${publication}') THEN
    IF current_setting('server_version_num')::int >= 180000 THEN
      CREATE PUBLICATION ${publication} FOR TABLE ONLY changefeed.watched WITH (publish_generated_columns = stored);
    ELSE
      CREATE PUBLICATION ${publication} FOR TABLE ONLY changefeed.watched;
    END IF;
  ELSIF NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
      WHERE p.pubname = '${publication}' AND r.prrelid = 'changefeed.watched'::regclass) THEN
    -- An earlier version made it. From here on descriptions are rows of this table, and all are written anew.
    LOCK TABLE changefeed.watched IN SHARE ROW EXCLUSIVE MODE;
    ALTER PUBLICATION ${publication} ADD TABLE ONLY changefeed.watched;
    UPDATE changefeed.watched SET description = coalesce(changefeed.describe(relid), description), types = changefeed.types_of(relid);
  END IF;
  IF NOT (SELECT rolsuper FROM pg_publication JOIN pg_roles r ON r.oid = pubowner WHERE pubname = '${publication}') THEN
    RAISE EXCEPTION 'somebody else has made publication "${publication}" in this moment' USING ERRCODE = 'duplicate_object', HINT = 'Start the changefeed again.';
  END IF;
  COMMENT ON PUBLICATION ${publication} IS '${publicationMark}';
END $$;
${belongSql(ourFunctions)}`

const fingerprint = createHash('sha256').update(installSql).digest('hex')

/** One column: whether this very version is there, and at work. */
export const installedSql = `SELECT ${hasOurSchemaSql} AND obj_description(to_regnamespace('changefeed'), 'pg_namespace') = '${fingerprint}' AND EXISTS (SELECT FROM pg_publication p WHERE p.pubname = '${publication}' AND (SELECT rolsuper FROM pg_roles WHERE oid = p.pubowner)) AND (SELECT count(*) FROM pg_event_trigger e WHERE e.evtname = ANY (${ourEventTriggersSql}) AND ${isUntouchedSql}) = ${ourEventTriggers.length}`

/** Makes sure that this very version is installed. */
export async function install(connection: Queries): Promise<void> {
  if ((await connection.query(installedSql))[0]?.[0] === 't') return
  const made = connection.query(
    `${installSql.replaceAll(ownVersion, fingerprint)}COMMENT ON SCHEMA changefeed IS '${fingerprint}'`,
  )
  const what = 'what changefeeds need in this database cannot be installed'
  await explainLock(connection, { what, relation: installLockTable }, explainDdl(what, made))
}
