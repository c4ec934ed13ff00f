// What lives in a source database: a schema of ours with the list of watched tables, the function that describes a table
// as JSON (a TableDescription), and an event trigger that writes a new description into the WAL in the very transaction
// that changed the table. The message comes out of logical decoding exactly between the rows before and after the DDL.
//
// Any role can write a logical message, so ours carry a token that only this schema's functions can read.

import { createHash } from 'node:crypto'
import type { Queries } from './serial-queries.ts'

export const publication = 'pg_changefeed'
/** Slots have one name space for all databases of a cluster; an oid stays when a database is renamed. */
export function slotName(databaseOid: string): string {
  return `pg_changefeed_${databaseOid}`
}
/** Prefix of our logical messages; the token follows. */
export const messagePrefix = 'pg_changefeed:'

/** Idempotent; to run in one transaction, by a superuser. */
const installSql = `
SELECT pg_advisory_xact_lock(hashtext('pg_changefeed install'));
CREATE SCHEMA IF NOT EXISTS changefeed;
REVOKE ALL ON SCHEMA changefeed FROM PUBLIC;
SELECT set_config('changefeed.internal', 'on', true);

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

CREATE TABLE IF NOT EXISTS changefeed.watched (
  relid oid PRIMARY KEY,
  description jsonb NOT NULL,
  since_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
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

CREATE OR REPLACE FUNCTION changefeed.type_shape(type oid) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE t record;
BEGIN
  SELECT typname, typtype, typelem, typlen, typcategory, typbasetype, typrelid, nspname
    INTO t FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace WHERE pg_type.oid = type;
  IF t.typtype = 'd' THEN RETURN changefeed.type_shape(t.typbasetype); END IF;
  IF t.typtype = 'e' THEN RETURN '{"tag": "enum"}'; END IF;
  IF t.typtype IN ('r', 'm') THEN RETURN '{"tag": "range"}'; END IF;
  IF t.typtype = 'c' THEN
    RETURN jsonb_build_object('tag', 'composite', 'fields', coalesce((
      SELECT jsonb_agg(jsonb_build_object('name', attname, 'shape', changefeed.type_shape(atttypid)) ORDER BY attnum)
      FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped), '[]'));
  END IF;
  -- int2vector and oidvector call themselves arrays and print as text.
  IF t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1 AND t.typname NOT IN ('int2vector', 'oidvector') THEN
    RETURN jsonb_build_object('tag', 'array', 'element', changefeed.type_shape(t.typelem),
      'delimiter', (SELECT typdelim FROM pg_type WHERE oid = t.typelem));
  END IF;
  RETURN jsonb_build_object('tag', 'scalar', 'name',
    CASE t.nspname WHEN 'pg_catalog' THEN t.typname::text ELSE t.nspname || '.' || t.typname END);
END $$;

CREATE OR REPLACE FUNCTION changefeed.describe(relation oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT jsonb_build_object(
    'relid', c.oid::bigint,
    'database', current_database(),
    'schema', n.nspname,
    'name', c.relname,
    'identity', c.relreplident,
    'deferrableKey', EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary AND NOT indimmediate),
    'columns', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', attname, 'attnum', attnum, 'typeOid', atttypid::bigint, 'typmod', atttypmod,
        'typeName', format_type(atttypid, atttypmod), 'shape', changefeed.type_shape(atttypid),
        'notNull', attnotnull, 'hasDefault', atthasdef, 'generated', attgenerated = 's') ORDER BY attnum)
      FROM pg_attribute
      WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        AND (attgenerated = '' OR attgenerated = 's' AND current_setting('server_version_num')::int >= 180000)), '[]'),
    'primaryKey', coalesce((
      SELECT jsonb_agg(attname ORDER BY place)
      FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
      JOIN pg_attribute a USING (attnum)
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND place <= i.indnkeyatts), '[]'))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = relation
$$;

CREATE OR REPLACE FUNCTION changefeed.emit(description jsonb) RETURNS void
LANGUAGE sql SET search_path = pg_catalog AS $$
  SELECT pg_logical_emit_message(true, '${messagePrefix}' || token, description::text) FROM changefeed.source
$$;

-- Called in the transaction that adds the table to the publication.
CREATE OR REPLACE FUNCTION changefeed.register(relation oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE d jsonb := changefeed.describe(relation);
BEGIN
  INSERT INTO changefeed.watched (relid, description) VALUES (relation, d)
    ON CONFLICT (relid) DO UPDATE SET description = excluded.description;
  PERFORM changefeed.emit(d);
END $$;

-- pubgencols came with PostgreSQL 18, prqual and prattrs with 15; to_jsonb reads them where they are.
CREATE OR REPLACE FUNCTION changefeed.publishes_all() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT FROM pg_publication p WHERE pubname = '${publication}' AND pubinsert AND pubupdate AND pubdelete
    AND pubtruncate AND NOT pubviaroot AND coalesce(to_jsonb(p) ->> 'pubgencols', 's') = 's')
$$;

-- Every row of the relation, whole.
CREATE OR REPLACE FUNCTION changefeed.published(relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT changefeed.publishes_all() AND EXISTS (
    SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE p.pubname = '${publication}' AND r.prrelid = relation
      AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL)
$$;

-- The relations whose every row is published, whole: for many at once.
CREATE OR REPLACE FUNCTION changefeed.published() RETURNS SETOF oid
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT r.prrelid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  WHERE p.pubname = '${publication}' AND (SELECT changefeed.publishes_all())
    AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL
$$;

-- The watched tables whose rows are not all published.
CREATE OR REPLACE FUNCTION changefeed.lost() RETURNS TABLE (relid oid, name text)
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT w.relid, format('%I.%I', n.nspname, c.relname)
  FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE w.relid NOT IN (SELECT changefeed.published()) ORDER BY 1
$$;

-- What the publication publishes is made all again; only what comes from now on is complete.
CREATE OR REPLACE FUNCTION changefeed.mend() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF changefeed.publishes_all() THEN RETURN; END IF;
  EXECUTE 'ALTER PUBLICATION ${publication} SET (publish = ''insert, update, delete, truncate'', publish_via_partition_root = false'
    || CASE WHEN current_setting('server_version_num')::int >= 180000 THEN ', publish_generated_columns = stored)' ELSE ')' END;
  UPDATE changefeed.watched SET since_xid = pg_current_xact_id(), since = clock_timestamp();
END $$;

CREATE OR REPLACE FUNCTION changefeed.distrust(reason text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog AS $$
  UPDATE changefeed.source SET token = md5(gen_random_uuid()::text), why = reason
$$;

-- Writes a description of every watched table that is not what it was.
CREATE OR REPLACE FUNCTION changefeed.look() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE w record; d jsonb;
BEGIN
  FOR w IN SELECT relid, description FROM changefeed.watched ORDER BY relid LOOP
    d := changefeed.describe(w.relid);
    IF d IS NULL THEN
      DELETE FROM changefeed.watched WHERE relid = w.relid;
      PERFORM changefeed.emit(w.description || '{"dropped": true}');
    ELSIF d <> w.description THEN
      UPDATE changefeed.watched SET description = d WHERE relid = w.relid;
      PERFORM changefeed.emit(d);
    END IF;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION changefeed.on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  -- What only makes something new, or touches no column, changes no table that is watched.
  IF tg_tag LIKE 'CREATE %' AND tg_tag <> 'CREATE EXTENSION'
     OR tg_tag IN ('SELECT INTO', 'COMMENT', 'GRANT', 'REVOKE', 'SECURITY LABEL', 'REFRESH MATERIALIZED VIEW', 'REINDEX') THEN
    RETURN;
  END IF;
  -- What pg-changefeed does itself describes the tables it is about, and is no news of any other.
  IF coalesce(current_setting('changefeed.internal', true), '') = 'on'
     AND (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
    RETURN;
  END IF;
  IF tg_tag IN ('ALTER PUBLICATION', 'DROP PUBLICATION', 'DROP OWNED')
     AND coalesce(current_setting('changefeed.internal', true), '') <> 'on'
     AND EXISTS (SELECT FROM changefeed.lost()) THEN
    RAISE EXCEPTION 'publication "${publication}" is in use by changefeeds'
      USING ERRCODE = 'object_in_use', HINT = 'Changes of the watched tables would be lost. Cancel the changefeeds first.';
  END IF;
  PERFORM changefeed.look();
END $$;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'pg_changefeed_ddl') THEN
    CREATE EVENT TRIGGER pg_changefeed_ddl ON ddl_command_end EXECUTE FUNCTION changefeed.on_ddl();
  END IF;
  -- Also when session_replication_role is 'replica': a restore changes tables too.
  ALTER EVENT TRIGGER pg_changefeed_ddl ENABLE ALWAYS;
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = '${publication}') THEN
    IF current_setting('server_version_num')::int >= 180000 THEN
      CREATE PUBLICATION ${publication} WITH (publish_generated_columns = stored);
    ELSE
      CREATE PUBLICATION ${publication};
    END IF;
  END IF;
END $$;
`

const fingerprint = createHash('sha256').update(installSql).digest('hex')

/** One column: whether this very version is there, and at work. */
export const installedSql = `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'changefeed' AND obj_description(oid, 'pg_namespace') = '${fingerprint}') AND EXISTS (SELECT FROM pg_publication WHERE pubname = '${publication}') AND EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'pg_changefeed_ddl' AND evtenabled = 'A')`

/** Makes sure that this very version is installed. */
export async function install(connection: Queries): Promise<void> {
  if ((await connection.query(installedSql))[0]?.[0] === 't') return
  await connection.query(`${installSql}COMMENT ON SCHEMA changefeed IS '${fingerprint}'`)
}
