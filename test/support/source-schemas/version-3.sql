-- Version 3 of what pg-changefeed installs in a source database, as it was run. It is frozen: an upgrade is tested with it.

-- Only one transaction at a time installs or removes what pg-changefeed keeps in a database. Anybody could take an advisory
-- lock on some number and keep it; this lock can be taken only by superusers and by roles that maintain the catalogue. It
-- stops nobody who reads the catalogue or creates an event trigger.
--
-- Rights: superuser, or from PostgreSQL 17 on member of pg_maintain.

SELECT set_config('lock_timeout', E'10s', true);
LOCK TABLE pg_catalog.pg_event_trigger IN SHARE UPDATE EXCLUSIVE MODE;

-- Refuses a database in which a later version of pg-changefeed has installed a later version of the schema. An older program
-- that replaced it would not know what its tables and functions mean. Nothing is changed then.
--
-- Rights: any role.

DO $$
DECLARE
  installed int := (SELECT (coalesce(substring(obj_description(to_regnamespace('changefeed'), 'pg_namespace') FROM '^pg-changefeed source schema, version ([0-9]{1,9}) ')::int, 1)));
BEGIN
  IF installed > E'3'::int AND (EXISTS (SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'changefeed' AND r.rolsuper
  AND (coalesce(obj_description(n.oid, 'pg_namespace'), '') ~ '^([0-9a-f]{64}$|pg-changefeed source schema, version [0-9]+ )' OR EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'plpgsql')))) THEN
    RAISE EXCEPTION 'database "%" has version % of the schema that pg-changefeed installs in a database, and this pg-changefeed knows only versions up to %', current_database(), installed, E'3'::int
      USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'A later pg-changefeed has installed it. Nothing was changed.',
        HINT = 'Use the later pg-changefeed with this database. Or let the later one remove its schema, UNWATCH DATABASE, when no changefeed needs it any more; this one then installs its own.';
  END IF;
END $$;

-- Fails where an object of somebody else has one of our names: nothing is taken over from anybody. An application may have a
-- schema "changefeed" of its own, and the owner of a database, who is no superuser, may have made one on purpose. What we run
-- in it would then do what that owner likes, with our rights.
--
-- Rights: any role.

DO $$
DECLARE
  other record;
  detail CONSTANT text := 'pg-changefeed has things of this name in each database that it reads, and takes over none of others.';
BEGIN
  SELECT r.rolname INTO other FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
    WHERE n.nspname = 'changefeed' AND NOT (EXISTS (SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'changefeed' AND r.rolsuper
  AND (coalesce(obj_description(n.oid, 'pg_namespace'), '') ~ '^([0-9a-f]{64}$|pg-changefeed source schema, version [0-9]+ )' OR EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'plpgsql'))));
  IF FOUND THEN
    RAISE EXCEPTION 'schema "changefeed" of database "%" is not pg-changefeed''s: it was there before, and belongs to role "%"', current_database(), other.rolname
      USING ERRCODE = 'duplicate_schema', DETAIL = detail,
        HINT = 'Give it another name, and start the changefeed again: ALTER SCHEMA changefeed RENAME TO ...';
  END IF;

  SELECT i.type, i.identity, r.rolname INTO other FROM (
      SELECT 'pg_class'::regclass AS class, oid, relowner AS owner FROM pg_class
        WHERE relnamespace = to_regnamespace('changefeed') AND relname = ANY (E'{watched, source, type_locks}'::name[])
      UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
        WHERE pronamespace = to_regnamespace('changefeed') AND proname = ANY (E'{concerned, concerned_by_schemas, describe, distrust, hindrance, hold, hold_types, is_incomplete, keep_complete, lasting, lockers, look, look_at, lost, mend, missed, needs_full, on_ddl, on_publication, on_rewrite, only_ours, open_list, print_of, published, published_among, publishes_all, reads_otherwise, refuse_hindrance, register, row_types, type_modifier, type_shape, types_in, types_of, uses, emit}'::name[])
    ) AS o JOIN pg_roles r ON r.oid = o.owner, LATERAL pg_identify_object(o.class, o.oid, 0) i
    WHERE NOT r.rolsuper OR o.class = 'pg_class'::regclass AND i.type <> 'table' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% % is not pg-changefeed''s: it belongs to role "%"', other.type, other.identity, other.rolname
      USING ERRCODE = 'duplicate_object', DETAIL = detail, HINT = 'Give it another name or drop it, and start the changefeed again.';
  END IF;

  SELECT t.tgname, t.tgrelid::regclass::text AS relation INTO other FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = to_regnamespace('changefeed') AND c.relname = ANY (E'{watched, source, type_locks}'::name[])
      AND NOT t.tgisinternal AND t.tgname <> 'only_ours' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'trigger "%" of table % is not pg-changefeed''s', other.tgname, other.relation
      USING ERRCODE = 'duplicate_object', DETAIL = 'It would run with the rights of a superuser.', HINT = 'Drop it, and start the changefeed again.';
  END IF;

  SELECT e.evtname INTO other FROM pg_event_trigger e LEFT JOIN pg_proc p ON p.oid = e.evtfoid
    WHERE e.evtname = ANY (E'{pg_changefeed_ddl, pg_changefeed_drop, pg_changefeed_rewrite, pg_changefeed_publication, pg_changefeed_publication_drop}'::name[]) AND p.pronamespace IS DISTINCT FROM to_regnamespace('changefeed') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'event trigger "%" is not pg-changefeed''s', other.evtname
      USING ERRCODE = 'duplicate_object', DETAIL = detail,
        HINT = format('Give it another name, and start the changefeed again: ALTER EVENT TRIGGER %I RENAME TO ...', other.evtname);
  END IF;

  SELECT r.rolname INTO other FROM pg_publication p JOIN pg_roles r ON r.oid = p.pubowner
    WHERE p.pubname = E'pg_changefeed' AND NOT (((SELECT rolsuper FROM pg_roles WHERE oid = p.pubowner)
  AND (EXISTS (SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'changefeed' AND r.rolsuper
  AND (coalesce(obj_description(n.oid, 'pg_namespace'), '') ~ '^([0-9a-f]{64}$|pg-changefeed source schema, version [0-9]+ )' OR EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'plpgsql'))) OR obj_description(p.oid, 'pg_publication') IS NOT DISTINCT FROM 'pg-changefeed: what changefeeds read')));
  IF FOUND THEN
    RAISE EXCEPTION 'publication "%" of database "%" is not pg-changefeed''s: it was there before, and belongs to role "%"', E'pg_changefeed', current_database(), other.rolname
      USING ERRCODE = 'duplicate_object', DETAIL = detail,
        HINT = format('Give it another name or drop it, and start the changefeed again: ALTER PUBLICATION %I RENAME TO ...', E'pg_changefeed');
  END IF;
END $$;

-- The schema of everything that we install in a database. Only its owner may use it.
--
-- Rights: CREATE on the database.

DO $$ BEGIN
  -- This is not IF NOT EXISTS: a schema that somebody has created since we looked is theirs.
  IF to_regnamespace('changefeed') IS NULL THEN CREATE SCHEMA changefeed; END IF;
END $$;
REVOKE ALL ON SCHEMA changefeed FROM PUBLIC;

-- Until the end of the transaction our event triggers treat its commands as ours.
SELECT set_config('changefeed.internal', 'on', true);

-- Notes which event triggers have not been at work: a superuser has switched an event trigger off, dropped or renamed it. What was
-- done meanwhile (to the publication, to a key, to a type) is not known, so the changelog must say that changes may be missing
-- (see tables.sql). An upgrade is nothing of that kind: an earlier version may have had fewer event triggers.
--
-- Rights: any role.

SELECT set_config('changefeed.unseen', coalesce(string_agg(name, ', ' ORDER BY name), ''), true)
  FROM unnest(E'{pg_changefeed_ddl, pg_changefeed_drop, pg_changefeed_rewrite, pg_changefeed_publication, pg_changefeed_publication_drop}'::name[]) AS name LEFT JOIN pg_event_trigger e ON e.evtname = name
  WHERE e.evtenabled IN ('D', 'R') OR obj_description(e.oid, 'pg_event_trigger') <> e.xmin::text
    OR obj_description(to_regnamespace('changefeed'), 'pg_namespace') = E'pg-changefeed source schema, version 3 (6a71d3988569b4a9303d588604e21e78c77d9ddc083328af096a09070dbbb423)' AND (e.evtenabled = 'A' AND obj_description(e.oid, 'pg_event_trigger') IS NOT DISTINCT FROM e.xmin::text) IS NOT TRUE;

-- Takes our objects out of the extension plpgsql, to which belong.sql has added them, so that they can be altered and dropped.
--
-- Rights: owner of the extension plpgsql, which is a superuser.

DO $$
DECLARE o record;
BEGIN
  FOR o IN SELECT i.type, i.identity
      FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid, LATERAL pg_identify_object(d.classid, d.objid, 0) i
      WHERE e.extname = 'plpgsql' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        -- The row type of a table comes and goes with the table.
        AND i.type IN ('schema', 'table', 'function', 'event trigger')
        AND (i.schema = 'changefeed' OR (i.type, i.name) = ('schema', 'changefeed') OR i.type = 'event trigger' AND i.name LIKE 'pg\_changefeed\_%') LOOP
    EXECUTE format('ALTER EXTENSION plpgsql DROP %s %s', o.type, o.identity);
  END LOOP;
END $$;

-- The event triggers are dropped first and created again at the end: they must not run while their functions are replaced.
--
-- Rights: superuser.

DROP EVENT TRIGGER IF EXISTS pg_changefeed_ddl;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_drop;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_rewrite;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_publication;
DROP EVENT TRIGGER IF EXISTS pg_changefeed_publication_drop;

-- Our tables. The rows of changefeed.watched are published like the rows of the watched tables. So the description of a table
-- comes out of logical decoding exactly between the rows before and after the DDL that changed the table.
--
-- Rights: owner of schema changefeed.

CREATE TABLE IF NOT EXISTS changefeed.source (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  token text NOT NULL DEFAULT md5(gen_random_uuid()::text),
  -- A new token says that rows may be missing that were written under the previous one. This column says why.
  why text,
  -- The token whose reason is in the changelog.
  seen text
);
DO $$ BEGIN
  -- An earlier version created the table without these columns.
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'changefeed.source'::regclass AND attname = 'seen') THEN
    ALTER TABLE changefeed.source ADD COLUMN why text, ADD COLUMN seen text;
    UPDATE changefeed.source SET seen = token;
  END IF;
END $$;
INSERT INTO changefeed.source DEFAULT VALUES ON CONFLICT DO NOTHING;
-- See find-unseen.sql.
UPDATE changefeed.source SET token = md5(gen_random_uuid()::text),
    why = format('event trigger %s was switched off, altered or removed: what was changed meanwhile is not known', current_setting('changefeed.unseen'))
  WHERE current_setting('changefeed.unseen') <> '';

-- This table has no rows. Its locks say who holds types by our rules, see hold_types() in locks.sql.
CREATE TABLE IF NOT EXISTS changefeed.type_locks ();

CREATE TABLE IF NOT EXISTS changefeed.watched (
  relid oid PRIMARY KEY,
  description jsonb NOT NULL,
  since_xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
-- The types made by users that the columns of the table consist of.
ALTER TABLE changefeed.watched ADD COLUMN IF NOT EXISTS types oid[] NOT NULL DEFAULT '{}';
-- How often ALTER TABLE has written all rows of the table again with other values.
ALTER TABLE changefeed.watched ADD COLUMN IF NOT EXISTS rewrites int NOT NULL DEFAULT 0;
-- Each DDL that changes a type asks for the tables that consist of it.
CREATE INDEX IF NOT EXISTS watched_types ON changefeed.watched USING gin (types) WITH (fastupdate = off);
DO $$ BEGIN
  -- An earlier version created the table without these columns.
  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'changefeed.watched'::regclass AND attname = 'needed_at') THEN
    ALTER TABLE changefeed.watched
      -- When the table was last known to be needed by a changefeed or a job.
      ADD COLUMN needed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      -- The replica identity that the table had before we changed it; null if we have not changed it.
      ADD COLUMN was_identity "char",
      ADD COLUMN was_index oid,
      -- The time of since_xid, for when the commit time of that transaction is not known any more.
      ADD COLUMN since timestamptz;
    ALTER TABLE changefeed.watched ALTER COLUMN since SET DEFAULT clock_timestamp();
  END IF;
END $$;

-- The rows of changefeed.watched are published, and each is read as what a watched table looks like from there on: whoever can
-- write these rows decides how rows of the table are read. A member of pg_write_all_data could write them without this trigger.
--
-- Rights: owner of schema changefeed.

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

CREATE OR REPLACE TRIGGER only_ours BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON changefeed.watched
  FOR EACH STATEMENT EXECUTE FUNCTION changefeed.only_ours();
CREATE OR REPLACE TRIGGER only_ours BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON changefeed.source
  FOR EACH STATEMENT EXECUTE FUNCTION changefeed.only_ours();
ALTER TABLE changefeed.watched ENABLE ALWAYS TRIGGER only_ours;
ALTER TABLE changefeed.source ENABLE ALWAYS TRIGGER only_ours;

-- Functions of earlier versions that are gone, or that have other parameters now.
--
-- Rights: owner of schema changefeed.

-- Descriptions were logical messages once.
DROP FUNCTION IF EXISTS changefeed.emit(jsonb);
DROP FUNCTION IF EXISTS changefeed.look();
DROP FUNCTION IF EXISTS changefeed.look(oid, int);
DROP FUNCTION IF EXISTS changefeed.published();
DROP FUNCTION IF EXISTS changefeed.hold(oid);
DROP FUNCTION IF EXISTS changefeed.look_at(oid, text);

-- Functions that describe a table as JSON from the catalogue. The type TableDescription of src/core/table.ts is this JSON.
--
-- Rights: owner of schema changefeed.

-- Types that users made are followed down to what they consist of. A type of PostgreSQL itself is named at once, since most
-- columns have one.
CREATE OR REPLACE FUNCTION changefeed.type_shape(type oid) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
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
  -- int2vector and oidvector are arrays by the catalogue, but their text is no array.
  IF t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1 AND t.typname NOT IN ('int2vector', 'oidvector') THEN
    RETURN jsonb_build_object('tag', 'array', 'element', changefeed.type_shape(t.typelem),
      'delimiter', (SELECT typdelim FROM pg_type WHERE oid = t.typelem));
  END IF;
  RETURN jsonb_build_object('tag', 'scalar', 'name',
    CASE t.nspname WHEN 'pg_catalog' THEN t.typname::text ELSE t.nspname || '.' || t.typname END);
END $$;

-- The modifier that a domain gives to its values, or to those of an array; -1: there is none.
CREATE OR REPLACE FUNCTION changefeed.type_modifier(type oid) RETURNS int
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE inside AS (
    SELECT * FROM pg_type WHERE pg_type.oid = type
    UNION ALL
    SELECT t.* FROM inside i JOIN pg_type t ON t.oid = CASE i.typtype WHEN 'd' THEN i.typbasetype ELSE i.typelem END
    WHERE i.typtype = 'd' OR i.typcategory = 'A' AND i.typlen = -1
  )
  SELECT coalesce(max(typtypmod), -1) FROM inside WHERE typtype = 'd'
$$;

-- Null if the table does not exist. Values print as they do in the stream of rows, whatever the session has set.
CREATE OR REPLACE FUNCTION changefeed.describe(relation oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres' SET TimeZone = 'UTC'
SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' AS $$
  SELECT jsonb_build_object(
    'relid', c.oid::bigint,
    'database', current_database(),
    'schema', n.nspname,
    'name', c.relname,
    'identity', c.relreplident,
    'deferrableKey', EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary AND NOT indimmediate),
    'columns', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', attname, 'attnum', attnum, 'typeOid', atttypid::bigint,
        'typmod', CASE WHEN atttypmod = -1 AND t.oid >= 16384 THEN changefeed.type_modifier(t.oid) ELSE atttypmod END,
        'typeName', format_type(atttypid, atttypmod),
        'shape', CASE WHEN t.oid < 16384 AND t.typtype = 'b' AND t.typcategory <> 'A'
          THEN jsonb_build_object('tag', 'scalar', 'name', t.typname) ELSE changefeed.type_shape(t.oid) END,
        'notNull', attnotnull, 'hasDefault', atthasdef, 'generated', attgenerated = 's',
        'missing', CASE WHEN atthasmissing THEN array_to_string(attmissingval, '') END)
        || CASE attidentity WHEN '' THEN '{}' ELSE jsonb_build_object('identity', attidentity) END ORDER BY attnum)
      FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
      WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        AND (attgenerated = '' OR attgenerated = 's' AND current_setting('server_version_num')::int >= 180000)), '[]'),
    'primaryKey', coalesce((
      SELECT jsonb_agg(attname ORDER BY place)
      FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
      JOIN pg_attribute a USING (attnum)
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND place <= i.indnkeyatts), '[]'))
    || coalesce((SELECT jsonb_build_object('rewrites', rewrites) FROM changefeed.watched WHERE relid = relation AND rewrites > 0), '{}')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = relation
$$;

-- A description without what VACUUM FULL and CLUSTER change: they write all rows anew with the values that older rows were missing.
-- No event trigger sees that, and it matters to nobody.
CREATE OR REPLACE FUNCTION changefeed.lasting(description jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT description || jsonb_build_object('columns', (SELECT jsonb_agg(c - 'missing') FROM jsonb_array_elements(description -> 'columns') c))
$$;

-- The part of a description that decides how the values of rows print. It must not change while a transaction is open that has
-- written rows of the table.
CREATE OR REPLACE FUNCTION changefeed.print_of(description jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_agg(jsonb_build_array(c -> 'name', c -> 'shape')) FROM jsonb_array_elements(description -> 'columns') c
$$;

-- Whether rows are read otherwise by one description than by the other: other columns or types, or another key.
CREATE OR REPLACE FUNCTION changefeed.reads_otherwise(fresh jsonb, old jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT fresh <> old AND (changefeed.print_of(fresh) IS DISTINCT FROM changefeed.print_of(old)
    OR fresh -> 'primaryKey' <> old -> 'primaryKey' OR fresh -> 'deferrableKey' <> old -> 'deferrableKey')
$$;

-- Functions that say which types a table consists of: a change of one of those types changes how the rows of the table print.
--
-- Rights: owner of schema changefeed.

-- The given types, and the types made by users that they consist of, however deep.
CREATE OR REPLACE FUNCTION changefeed.types_in(types oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE used(type) AS (
    SELECT unnest(types)
    UNION
    SELECT part.type FROM used JOIN pg_type t ON t.oid = used.type, LATERAL (
      SELECT t.typbasetype AS type
      UNION ALL SELECT t.typelem
      UNION ALL SELECT atttypid FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped
      UNION ALL SELECT rngsubtype FROM pg_range WHERE rngtypid = t.oid
      UNION ALL SELECT rngtypid FROM pg_range WHERE rngmultitypid = t.oid
    ) part WHERE part.type >= 16384
  )
  SELECT coalesce(array_agg(type ORDER BY type), '{}') FROM used
$$;

-- The types made by users that a table consists of.
CREATE OR REPLACE FUNCTION changefeed.types_of(relation oid) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT changefeed.types_in(coalesce(array_agg(atttypid), '{}')) FROM pg_attribute
  WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND atttypid >= 16384
$$;

-- Which of these tables use the types, and in which columns, as text for messages.
CREATE OR REPLACE FUNCTION changefeed.uses(relations oid[], types oid[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(format('table %I.%I (column %s)', nspname, relname, columns), ', ' ORDER BY nspname, relname)
  FROM (SELECT attrelid, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attrelid = ANY(relations) AND attnum > 0 AND NOT attisdropped AND atttypid >= 16384
        AND changefeed.types_in(ARRAY[atttypid]) && types
      GROUP BY attrelid) AS used
    JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
$$;

-- Of these relations the row types that are a type by themselves (CREATE TYPE), or that columns or other types consist of.
CREATE OR REPLACE FUNCTION changefeed.row_types(relations oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(t.oid ORDER BY t.oid), '{}') FROM pg_class c JOIN pg_type t ON t.oid = c.reltype
  WHERE c.oid = ANY(relations) AND (c.relkind = 'c' OR EXISTS (
    SELECT FROM pg_depend WHERE refclassid = 'pg_type'::regclass AND refobjid IN (t.oid, t.typarray) AND deptype IN ('n', 'a')))
$$;

-- Functions that say which tables our publication publishes, and that repair it. pubgencols came with PostgreSQL 18, prqual and
-- prattrs with 15; to_jsonb() reads these columns where they exist.
--
-- Rights: owner of schema changefeed. mend() is run by the owner of the publication.

-- Whether the publication publishes all kinds of changes, and all descriptions.
CREATE OR REPLACE FUNCTION changefeed.publishes_all() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_publication p WHERE pubname = E'pg_changefeed' AND pubinsert AND pubupdate AND pubdelete
    AND pubtruncate AND NOT pubviaroot AND coalesce(to_jsonb(p) ->> 'pubgencols', 's') = 's'
    AND EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = to_regclass('changefeed.watched')
      AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL))
$$;

-- Whether all columns of all rows of the table are published, and its descriptions.
CREATE OR REPLACE FUNCTION changefeed.published(relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT changefeed.publishes_all() AND EXISTS (
    SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE p.pubname = E'pg_changefeed' AND r.prrelid = relation
      AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL)
$$;

-- Of these tables the ones for which published() is true.
CREATE OR REPLACE FUNCTION changefeed.published_among(relations oid[]) RETURNS SETOF oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.prrelid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  WHERE r.prrelid = ANY (relations) AND p.pubname = E'pg_changefeed' AND (SELECT changefeed.publishes_all())
    AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL
$$;

-- The watched tables for which published() is false.
CREATE OR REPLACE FUNCTION changefeed.lost() RETURNS TABLE (relid oid, name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT w.relid, format('%I.%I', n.nspname, c.relname)
  FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT (SELECT changefeed.publishes_all()) OR w.relid NOT IN (
    SELECT r.prrelid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE p.pubname = E'pg_changefeed' AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL)
  ORDER BY 1
$$;

-- Makes publishes_all() true again. Only what is written from now on is published completely.
CREATE OR REPLACE FUNCTION changefeed.mend() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF changefeed.publishes_all() THEN RETURN; END IF;
  EXECUTE format('ALTER PUBLICATION %I SET (publish = ''insert, update, delete, truncate'', publish_via_partition_root = false%s)', E'pg_changefeed',
    CASE WHEN current_setting('server_version_num')::int >= 180000 THEN ', publish_generated_columns = stored' END);
  IF NOT changefeed.publishes_all() THEN
    IF EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
        WHERE p.pubname = E'pg_changefeed' AND r.prrelid = to_regclass('changefeed.watched')) THEN
      ALTER PUBLICATION "pg_changefeed" DROP TABLE ONLY changefeed.watched;
    END IF;
    ALTER PUBLICATION "pg_changefeed" ADD TABLE ONLY changefeed.watched;
  END IF;
  -- Descriptions may be among what was not published.
  UPDATE changefeed.watched SET since_xid = pg_current_xact_id(), since = clock_timestamp(), description = coalesce(changefeed.describe(relid), description);
END $$;

-- Functions that write the list of watched tables, and that find tables whose description is not true any more.
--
-- Rights: owner of schema changefeed. look() locks watched tables, which their owner may do.

-- Says that changes may be missing that were written until now. Ingest writes the reason into the changelog.
CREATE OR REPLACE FUNCTION changefeed.distrust(reason text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  UPDATE changefeed.source SET token = md5(gen_random_uuid()::text), why = reason
$$;

-- Describes a table in the list of watched tables. It is called in the transaction that adds the table to the publication, and
-- that holds a lock that keeps writers out.
CREATE OR REPLACE FUNCTION changefeed.register(relation oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE used oid[] := changefeed.types_of(relation);
BEGIN
  IF used <> '{}' THEN
    PERFORM changefeed.hold_types(used, false);
    -- Others may have changed the types while these locks were waited for.
    used := changefeed.types_of(relation);
  END IF;
  INSERT INTO changefeed.watched (relid, description, types) VALUES (relation, changefeed.describe(relation), used)
    ON CONFLICT (relid) DO UPDATE SET description = excluded.description, types = excluded.types;
END $$;

-- Of these watched tables the ones whose rows may have been read wrongly: no event trigger of ours has seen what changed them.
CREATE OR REPLACE FUNCTION changefeed.missed(relations oid[]) RETURNS TABLE (relid oid, name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT w.relid, format('%I.%I', n.nspname, c.relname)
  FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE w.relid = ANY (relations) AND changefeed.reads_otherwise(changefeed.describe(w.relid), w.description)
  ORDER BY 1
$$;

-- Writes a new description of watched tables whose description is not true any more, because no event trigger has seen what
-- changed them: of all tables that were dropped, and of at most "most" others, in the order of their oids from "after" on.
-- told: tables whose gap is in the changelog already. Of other tables, what was missed is only reported in "missed" and "names".
-- next: where the next call continues; 0: at the first table.
-- are_done is false when a table is in use and must be checked again. If it were described now, nobody could say which of its
-- rows are older than the description.
CREATE OR REPLACE FUNCTION changefeed.look(after oid, most int, told oid[], OUT next oid, OUT are_done boolean, OUT missed oid[], OUT names text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE part oid[]; one record;
BEGIN
  are_done := true;
  missed := '{}';
  UPDATE changefeed.watched w SET description = description || '{"dropped": true}' WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = w.relid);
  IF FOUND THEN DELETE FROM changefeed.watched w WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = w.relid); END IF;
  part := ARRAY(SELECT relid FROM changefeed.watched WHERE relid > after ORDER BY relid LIMIT most);
  next := CASE WHEN cardinality(part) < most THEN 0 ELSE part[most] END;
  FOR one IN SELECT relid, description, changefeed.describe(relid) AS fresh FROM changefeed.watched WHERE relid = ANY (part) ORDER BY relid LOOP
    IF one.relid <> ALL (told) AND changefeed.reads_otherwise(one.fresh, one.description) THEN
      missed := missed || one.relid;
      names := concat_ws(', ', names, format('%I.%I', one.fresh ->> 'schema', one.fresh ->> 'name'));
      CONTINUE;
    END IF;
    CONTINUE WHEN one.fresh IS NULL OR changefeed.lasting(one.fresh) = changefeed.lasting(one.description) AND NOT changefeed.is_incomplete(one.relid);
    BEGIN
      PERFORM changefeed.look_at(one.relid, 'look', '{}');
    EXCEPTION WHEN lock_not_available OR deadlock_detected OR object_in_use OR undefined_table THEN
      are_done := false;
    END;
  END LOOP;
END $$;

-- Functions that keep the rows of watched tables complete: a table whose UPDATEs and DELETEs could leave values or keys out of
-- the WAL gets REPLICA IDENTITY FULL, or the command that makes this necessary is refused with the reason.
--
-- Rights: owner of schema changefeed who may set deadlock_timeout. keep_complete() alters watched tables, which their owner may
-- do.

-- Whether UPDATEs and DELETEs of a table can leave values or keys out of the WAL. identityChange() of src/plan/identity.ts has
-- the same rule; here it also holds for a table that has lost its key altogether, because its UPDATEs would fail.
CREATE OR REPLACE FUNCTION changefeed.needs_full(relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT reltoastrelid <> 0 OR relreplident IN ('n', 'i')
    OR NOT EXISTS (SELECT FROM pg_index WHERE indrelid = relation AND indisprimary AND indimmediate)
  FROM pg_class WHERE oid = relation
$$;

CREATE OR REPLACE FUNCTION changefeed.is_incomplete(relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT relreplident <> 'f' AND changefeed.needs_full(relation) FROM pg_class WHERE oid = relation
$$;

-- The publication of somebody else with which PostgreSQL would refuse UPDATEs and DELETEs of a table that has REPLICA
-- IDENTITY FULL: one with a list of columns, or one that leaves generated columns out (from PostgreSQL 18 on).
CREATE OR REPLACE FUNCTION changefeed.hindrance(relation oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE found_name text; has_unpublished boolean; tables oid[] := ARRAY(SELECT relation UNION SELECT relid FROM pg_partition_ancestors(relation));
BEGIN
  has_unpublished := current_setting('server_version_num')::int >= 180000
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated <> '');
  SELECT p.pubname INTO found_name FROM pg_publication p LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = ANY(tables)
    WHERE p.pubname <> E'pg_changefeed' AND (p.pubupdate OR p.pubdelete) AND (r.oid IS NOT NULL OR p.puballtables)
      AND (to_jsonb(r) ->> 'prattrs' IS NOT NULL OR has_unpublished AND to_jsonb(p) ->> 'pubgencols' = 'n') LIMIT 1;
  IF found_name IS NULL AND has_unpublished THEN
    SELECT p.pubname INTO found_name FROM pg_publication p JOIN pg_publication_namespace s ON s.pnpubid = p.oid JOIN pg_class c ON c.relnamespace = s.pnnspid
      WHERE c.oid = ANY(tables) AND (p.pubupdate OR p.pubdelete) AND to_jsonb(p) ->> 'pubgencols' = 'n' LIMIT 1;
  END IF;
  RETURN found_name;
END $$;

CREATE OR REPLACE FUNCTION changefeed.refuse_hindrance(relation oid, publication text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE name text := (SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = relation);
BEGIN
  RAISE EXCEPTION 'table % is watched by changefeeds: it needs REPLICA IDENTITY FULL, and publication % has a list of its columns or leaves its generated columns out', name, quote_ident(publication)
    USING ERRCODE = 'object_in_use', DETAIL = 'PostgreSQL would refuse every UPDATE and DELETE of the table.',
      HINT = format('Publish all of its columns, with publish_generated_columns = stored; or, when no changefeed needs the table any more, UNWATCH TABLE %s gives it back', name);
END $$;

-- Called when a published table may have changed, in the transaction that changed it.
CREATE OR REPLACE FUNCTION changefeed.keep_complete(relation oid, old_identity text, may_refuse boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '600ms' SET deadlock_timeout = '50ms' AS $$
DECLARE name text; identity "char"; needs_full boolean := changefeed.needs_full(relation); virtual_column text; give_back text; other text;
BEGIN
  SELECT format('%I.%I', nspname, relname), relreplident INTO name, identity
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = relation;
  give_back := format('when no changefeed needs the table any more, UNWATCH TABLE %s gives it back', name);
  IF may_refuse AND identity <> 'f' AND (old_identity = 'f' OR identity <> 'd') THEN
    RAISE EXCEPTION 'the REPLICA IDENTITY of table % cannot be lessened: changefeeds watch it', name
      USING ERRCODE = 'object_in_use', HINT = 'Rows would be incomplete. Leave it FULL; ' || give_back;
  END IF;
  -- Virtual columns exist from PostgreSQL 18 on.
  SELECT attname INTO virtual_column FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = 'v' LIMIT 1;
  IF virtual_column IS NOT NULL AND (needs_full OR identity = 'f') THEN
    IF NOT may_refuse THEN RETURN; END IF;
    RAISE EXCEPTION 'table % is watched by changefeeds: it needs REPLICA IDENTITY FULL, and has the virtual generated column %', name, quote_ident(virtual_column)
      USING ERRCODE = 'object_in_use', DETAIL = 'PostgreSQL would refuse every UPDATE and DELETE of the table.',
        HINT = 'Make the column STORED; or, ' || give_back;
  END IF;
  -- An identity that the owner of the table has chosen is the owner's affair.
  IF identity <> 'f' AND needs_full OR identity = 'f' AND (SELECT was_identity IS NOT NULL FROM changefeed.watched WHERE relid = relation) THEN
    other := changefeed.hindrance(relation);
    IF other IS NOT NULL THEN
      IF may_refuse THEN PERFORM changefeed.refuse_hindrance(relation, other); END IF;
      RETURN;
    END IF;
  END IF;
  IF needs_full AND identity <> 'f' THEN
    BEGIN
      -- The previous identity is restored when nobody needs the table any more.
      UPDATE changefeed.watched SET was_identity = identity,
          was_index = (SELECT indexrelid FROM pg_index WHERE indrelid = relation AND indisreplident)
        WHERE relid = relation AND was_identity IS NULL;
      EXECUTE 'ALTER TABLE ONLY ' || name || ' REPLICA IDENTITY FULL';
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      -- The command itself has taken a weaker lock, so it has not made this necessary.
      RETURN;
    END;
    RAISE NOTICE 'table % has REPLICA IDENTITY FULL from now on: changefeeds watch it and need whole rows', name;
  END IF;
END $$;

-- Functions that take locks for the other functions. None waits for long: it is never the application that fails for a lock of
-- ours, and an error says who holds the lock.
--
-- Rights: owner of schema changefeed who may set deadlock_timeout. hold() locks watched tables, which their owner may do.

-- Waits for transactions that write to the table, and keeps writers out until this transaction ends. A writer may itself wait
-- for the type that this transaction has changed. So the wait is shorter than the writer's deadlock_timeout, and the writer never
-- fails. The deadlock check comes early, which also makes autovacuum give way.
CREATE OR REPLACE FUNCTION changefeed.hold(relation oid, touched oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '600ms' SET deadlock_timeout = '50ms' AS $$
DECLARE name text := (SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = relation);
  used text := coalesce(changefeed.uses(ARRAY[relation], touched), 'table ' || name);
BEGIN
  EXECUTE 'LOCK TABLE ONLY ' || name || ' IN SHARE ROW EXCLUSIVE MODE';
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
  RAISE EXCEPTION '% is watched by changefeeds and consists of what this command changes, and other transactions are writing to it', used
    USING ERRCODE = 'lock_not_available',
      HINT = format('Rows written before and after the change must not mix. Try again, or take the lock first in the same transaction: BEGIN; LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE; ...; COMMIT', name);
END $$;

-- Who has a lock on one of our own tables that keeps others out of it, as text for messages.
CREATE OR REPLACE FUNCTION changefeed.lockers(relation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(DISTINCT CASE WHEN l.pid IS NULL THEN 'a prepared transaction' ELSE format('process %s of user "%s"', l.pid, a.usename) END, ', ')
  FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
  WHERE l.granted AND l.locktype = 'relation' AND l.relation = lockers.relation AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
$$;

-- Called before the list of watched tables is read or written. A role that may write every table could lock the list for as long
-- as it likes. A command then fails after five seconds and says who holds the lock, where it would otherwise wait without end.
CREATE OR REPLACE FUNCTION changefeed.open_list(to_write boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
  IF to_write THEN LOCK TABLE changefeed.watched IN ROW EXCLUSIVE MODE;
  ELSE LOCK TABLE changefeed.watched IN ACCESS SHARE MODE;
  END IF;
EXCEPTION WHEN lock_not_available THEN
  RAISE EXCEPTION 'the list of the tables that changefeeds watch is locked by %', coalesce(changefeed.lockers('changefeed.watched'::regclass), 'another transaction')
    USING ERRCODE = 'lock_not_available', DETAIL = 'Whether this command changes one of them cannot be known.',
      HINT = 'Try again when that transaction has ended, or end it: SELECT pg_terminate_backend(...) with the number of its process.';
WHEN OTHERS THEN
  -- An error of our own is answered where the list is read.
  NULL;
END $$;

-- A transaction that describes a table holds its types, so that they do not change; a transaction that changes a type waits for
-- those. Anybody can take an advisory lock on some number: so whoever takes one by our rules also locks table type_locks, weakly,
-- and a holder of the number without that lock is a stranger. Where a stranger is in the way, the whole table is locked instead, in
-- a mode that excludes the weak locks of the other side.
CREATE OR REPLACE FUNCTION changefeed.hold_types(types oid[], alone boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '400ms' SET deadlock_timeout = '50ms' AS $$
DECLARE type oid; base CONSTANT bigint := 7453010313431220224; used text; strangers text;
BEGIN
  BEGIN
    IF alone THEN LOCK TABLE changefeed.type_locks IN ROW EXCLUSIVE MODE;
    ELSE LOCK TABLE changefeed.type_locks IN ROW SHARE MODE;
    END IF;
    FOREACH type IN ARRAY types LOOP
      IF alone THEN PERFORM pg_advisory_xact_lock(base + type::bigint);
      ELSE PERFORM pg_advisory_xact_lock_shared(base + type::bigint);
      END IF;
    END LOOP;
    RETURN;
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    SELECT string_agg(DISTINCT format('process %s of user "%s"', l.pid, a.usename), ', ') INTO strangers FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
      WHERE l.granted AND l.locktype = 'advisory' AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = ANY (ARRAY(SELECT base + t::bigint FROM unnest(types) AS t))
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND NOT EXISTS (SELECT FROM pg_locks m WHERE m.granted AND m.relation = 'changefeed.type_locks'::regclass AND m.virtualtransaction = l.virtualtransaction);
    IF strangers IS NULL THEN RAISE; END IF;
  END;
  IF alone THEN LOCK TABLE changefeed.type_locks IN EXCLUSIVE MODE;
  ELSE LOCK TABLE changefeed.type_locks IN SHARE MODE;
  END IF;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
  type := coalesce(type, types[1]);
  SELECT changefeed.uses(array_agg(relid), ARRAY[type]) INTO used FROM changefeed.watched w WHERE w.types && ARRAY[type];
  strangers := coalesce(strangers, changefeed.lockers('changefeed.type_locks'::regclass));
  IF strangers IS NOT NULL THEN strangers := ' Locks of changefeeds are held by ' || strangers || '.'; END IF;
  IF NOT alone THEN
    RAISE EXCEPTION 'type % is being changed by another transaction', format_type(type, NULL)
      USING ERRCODE = 'lock_not_available', DETAIL = 'It is used by ' || coalesce(used, 'a table that a changefeed is to watch') || '.' || coalesce(strangers, ''),
        HINT = 'Try again when that transaction has ended.';
  END IF;
  RAISE EXCEPTION 'type % cannot be changed now: a changefeed scans or describes %', format_type(type, NULL), coalesce(used, 'a table that uses it')
    USING ERRCODE = 'lock_not_available', DETAIL = 'Or another transaction is changing the type.' || coalesce(strangers, ''),
      HINT = 'Try again when the scan is over; SHOW JOBS says how far it is.';
END $$;

-- Functions that find which watched tables a command has changed, and that write the new description of such a table in the
-- transaction of the command.
--
-- Rights: owner of schema changefeed. look_at() locks and alters watched tables, which their owner may do.

-- Writes the description of a table if it has changed. The lock comes first: between it and the end of the transaction nobody
-- else writes rows of the table or changes how they print.
-- why: 'command', 'names' (a command that changes no table), or 'look' (nothing was changed in this transaction).
-- touched: the types that a command has changed.
CREATE OR REPLACE FUNCTION changefeed.look_at(relation oid, why text, touched oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE old record; fresh jsonb; used oid[];
BEGIN
  SELECT description, types INTO old FROM changefeed.watched WHERE relid = relation;
  IF NOT FOUND THEN RETURN; END IF;
  IF why = 'look' THEN PERFORM changefeed.hold(relation, '{}'); END IF;
  IF why <> 'names' AND changefeed.published(relation) THEN
    PERFORM changefeed.keep_complete(relation, old.description ->> 'identity', why = 'command');
    -- When event triggers are on, what keep_complete() has changed is described already.
    SELECT description INTO old.description FROM changefeed.watched WHERE relid = relation;
  END IF;
  fresh := changefeed.describe(relation);
  IF fresh = old.description THEN RETURN; END IF;
  PERFORM changefeed.open_list(true);
  IF fresh IS NULL THEN
    -- The UPDATE tells changefeeds that the table was dropped. Only then is its row deleted.
    UPDATE changefeed.watched SET description = description || '{"dropped": true}' WHERE relid = relation;
    DELETE FROM changefeed.watched WHERE relid = relation;
    RETURN;
  END IF;
  used := changefeed.types_of(relation);
  IF changefeed.print_of(fresh) <> changefeed.print_of(old.description) THEN
    PERFORM changefeed.hold(relation, touched);
    PERFORM changefeed.hold_types(used, false);
    -- Others may have changed the table while these locks were waited for.
    fresh := changefeed.describe(relation);
    used := changefeed.types_of(relation);
  END IF;
  UPDATE changefeed.watched SET description = fresh, types = used WHERE relid = relation;
END $$;

-- The watched tables that a change of these relations (tables, indexes, composite types) and types concerns. However many
-- tables are watched, this only uses indexes: it runs for every DDL of the database.
CREATE OR REPLACE FUNCTION changefeed.concerned(relations oid[], touched oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE changed(relation) AS (
    SELECT unnest(relations)
    UNION
    SELECT next.relation FROM changed, LATERAL (
      SELECT indrelid AS relation FROM pg_index WHERE indexrelid = changed.relation
      UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = changed.relation
      -- ALTER TYPE ... CASCADE changes the tables of a type (CREATE TABLE ... OF).
      UNION ALL SELECT of_type.oid FROM pg_class c JOIN pg_depend ON refclassid = 'pg_type'::regclass AND refobjid = c.reltype AND classid = 'pg_class'::regclass
        JOIN pg_class of_type ON of_type.oid = objid AND of_type.reloftype = c.reltype WHERE c.oid = changed.relation
    ) next
  )
  SELECT coalesce(array_agg(relid ORDER BY relid), '{}') FROM (
    SELECT relid FROM changefeed.watched WHERE relid = ANY (ARRAY(SELECT relation FROM changed))
    UNION SELECT relid FROM changefeed.watched WHERE types && touched) AS found
$$;

-- The watched tables whose own name, or the name of one of whose types, contains the name of one of these schemas.
CREATE OR REPLACE FUNCTION changefeed.concerned_by_schemas(schemas oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(relid ORDER BY relid), '{}') FROM changefeed.watched w
  WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = w.relid AND relnamespace = ANY (schemas))
    OR EXISTS (SELECT FROM pg_type t WHERE t.oid = ANY (w.types) AND typnamespace = ANY (schemas))
$$;

-- The functions of the event triggers that see DDL: they find which watched tables a command has changed, keep the rows of these
-- tables complete, and write their new descriptions in the transaction of the command.
--
-- A command that touches no watched table pays for a check of what it did, and fails for no error of ours. A command that would
-- make the rows of a watched table incomplete, or make PostgreSQL refuse the application's own writes to the table, is corrected
-- with REPLICA IDENTITY FULL, or refused with the reason.
--
-- Rights: owner of schema changefeed. The functions run with the rights of their owner, a superuser, for whoever runs the DDL.

CREATE OR REPLACE FUNCTION changefeed.on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE relations oid[]; touched oid[]; tables oid[]; relation oid; is_ours boolean := false;
BEGIN
  -- Nobody changes what we have installed by mistake. Only the catalogue says what is ours: our objects may have been renamed.
  IF tg_event = 'sql_drop' THEN
    is_ours := tg_tag LIKE 'DROP %' AND EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE original
      AND (object_type IN ('trigger', 'rule', 'policy') AND address_names[1] = 'changefeed' AND address_names[2] IN ('watched', 'source')
        OR object_identity = 'changefeed.watched_types'));
  ELSIF tg_tag LIKE 'ALTER %' OR tg_tag = 'CREATE FUNCTION' THEN
    is_ours := EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c JOIN pg_depend d ON d.classid = c.classid AND d.objid = c.objid
      AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'plpgsql'
      -- Lower oids are plpgsql's own objects.
      WHERE c.objid >= 16384);
  END IF;
  IF is_ours AND NOT (coalesce(current_setting('changefeed.internal', true), '') = 'on' AND (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)) THEN
    RAISE EXCEPTION '% cannot change what belongs to the changefeeds of this database', tg_tag
      USING ERRCODE = 'object_in_use', HINT = 'It goes with the last watched table: UNWATCH DATABASE removes everything when no changefeed needs it any more';
  END IF;
  -- A command that only creates something, or that touches no column, changes no watched table.
  IF tg_tag LIKE 'CREATE %' AND tg_tag NOT IN ('CREATE EXTENSION', 'CREATE VIEW')
     OR tg_tag IN ('SELECT INTO', 'COMMENT', 'GRANT', 'REVOKE', 'SECURITY LABEL', 'REFRESH MATERIALIZED VIEW', 'REINDEX') THEN
    RETURN;
  END IF;
  -- pg-changefeed itself describes the tables that its own commands change, and these commands change no other table.
  IF coalesce(current_setting('changefeed.internal', true), '') = 'on'
     AND (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
    RETURN;
  END IF;
  PERFORM changefeed.open_list(false);
  BEGIN
    IF tg_event = 'sql_drop' THEN
      SELECT array_agg(objid) FILTER (WHERE classid = 'pg_class'::regclass), '{}'
        INTO relations, touched FROM pg_event_trigger_dropped_objects();
      -- Constraints and defaults are gone already, and only their names say which table had them.
      relations := relations || ARRAY(
        SELECT c.oid FROM pg_event_trigger_dropped_objects() o
        JOIN pg_namespace n ON n.nspname = o.address_names[1] JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = o.address_names[2]
        WHERE o.object_type IN ('table constraint', 'default value'));
    ELSIF tg_tag = 'ALTER SCHEMA' THEN
      touched := '{}';
      tables := changefeed.concerned_by_schemas(ARRAY(SELECT objid FROM pg_event_trigger_ddl_commands()));
    ELSE
      SELECT array_agg(objid) FILTER (WHERE classid = 'pg_class'::regclass), coalesce(array_agg(objid) FILTER (WHERE classid = 'pg_type'::regclass), '{}')
        INTO relations, touched FROM pg_event_trigger_ddl_commands();
      touched := touched || changefeed.row_types(relations);
    END IF;
    tables := coalesce(tables, changefeed.concerned(coalesce(relations, '{}'), touched));
  EXCEPTION WHEN OTHERS THEN
    -- A command of the application must not fail for an error of ours. changefeed.look() finds later what was missed here.
    RAISE WARNING 'changefeeds could not see what % changed: %', tg_tag, SQLERRM;
    RETURN;
  END;
  IF touched <> '{}' THEN
    -- A table that is being taken under watch may use the type.
    PERFORM changefeed.hold_types(touched, true);
    tables := changefeed.concerned(coalesce(relations, '{}'), touched);
  END IF;
  FOREACH relation IN ARRAY tables LOOP
    PERFORM changefeed.look_at(relation, CASE WHEN tg_tag IN ('ALTER SCHEMA', 'ALTER TYPE', 'ALTER DOMAIN')
      AND (SELECT reloftype = 0 FROM pg_class WHERE oid = relation) THEN 'names' ELSE 'command' END, touched);
  END LOOP;
END $$;

-- Called before ALTER TABLE writes all rows of a table again. The columns may look the same afterwards and hold other values, of
-- which the changelog knows nothing. The counter changes the description, so that on_ddl() finds another one. Other reasons to
-- rewrite a table (persistence, access method) change no value.
CREATE OR REPLACE FUNCTION changefeed.on_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
  IF pg_event_trigger_table_rewrite_reason() & 6 <> 0 THEN
    UPDATE changefeed.watched SET rewrites = rewrites + 1 WHERE relid = pg_event_trigger_table_rewrite_oid();
  END IF;
EXCEPTION WHEN OTHERS THEN
  -- A command of the application must not fail for an error of ours.
  RAISE WARNING 'changefeeds could not see that % writes a table anew: %', tg_tag, SQLERRM;
END $$;

-- The function of the event triggers that see commands about publications: our publication stays as it is while a changefeed
-- needs it, and no other publication makes the application's writes to watched tables fail.
--
-- Rights: owner of schema changefeed. The function runs with the rights of its owner, a superuser, for whoever runs the DDL.

CREATE OR REPLACE FUNCTION changefeed.on_publication() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE is_lost boolean := false; hindered oid; other text;
BEGIN
  IF coalesce(current_setting('changefeed.internal', true), '') = 'on'
     AND (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN
    RETURN;
  END IF;
  BEGIN
    IF tg_event = 'sql_drop' THEN
      is_lost := EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE object_type IN ('publication', 'publication relation')
        AND (object_identity = quote_ident(E'pg_changefeed') OR object_identity LIKE '% in publication ' || quote_ident(E'pg_changefeed')));
    ELSE
      -- A renamed publication counts, too: ours is the one that publishes our descriptions.
      is_lost := EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d
        LEFT JOIN pg_publication_rel r ON d.classid = 'pg_publication_rel'::regclass AND r.oid = d.objid
        JOIN pg_publication p ON p.oid = coalesce(r.prpubid, d.objid)
        WHERE p.pubname = E'pg_changefeed' OR EXISTS (
          SELECT FROM pg_publication_rel WHERE prpubid = p.oid AND prrelid = 'changefeed.watched'::regclass));
    END IF;
    is_lost := is_lost AND EXISTS (SELECT FROM changefeed.lost());
    IF tg_event = 'ddl_command_end' THEN
      SELECT h.relid, h.name INTO hindered, other
        FROM (SELECT w.relid, changefeed.hindrance(w.relid) AS name FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid
          WHERE w.was_identity IS NOT NULL AND c.relreplident = 'f') AS h WHERE h.name IS NOT NULL LIMIT 1;
    END IF;
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'changefeeds could not see what % changed: %', tg_tag, SQLERRM;
  END;
  IF hindered IS NOT NULL THEN PERFORM changefeed.refuse_hindrance(hindered, other); END IF;
  IF is_lost THEN
    RAISE EXCEPTION 'publication "%" is in use by changefeeds', E'pg_changefeed'
      USING ERRCODE = 'object_in_use', HINT = 'Changes of the watched tables would be lost. When no changefeed needs them any more, UNWATCH DATABASE gives all tables back and removes it.';
  END IF;
END $$;

-- Another version may describe the same table in other words. That is no change that event triggers have missed, so an upgrade
-- writes the descriptions of this version.
--
-- Rights: owner of schema changefeed.

DO $$ BEGIN
  IF obj_description('changefeed'::regnamespace, 'pg_namespace') IS DISTINCT FROM E'pg-changefeed source schema, version 3 (6a71d3988569b4a9303d588604e21e78c77d9ddc083328af096a09070dbbb423)'
      AND EXISTS (SELECT FROM changefeed.watched WHERE changefeed.describe(relid) <> description) THEN
    -- A transaction that changes a table in this moment has it described; what is written here comes after that.
    LOCK TABLE changefeed.watched IN SHARE ROW EXCLUSIVE MODE;
    UPDATE changefeed.watched SET description = changefeed.describe(relid), types = changefeed.types_of(relid) WHERE changefeed.describe(relid) <> description;
  END IF;
END $$;

-- The event triggers. The comment on each is the transaction that wrote its row in the catalogue: ALTER EVENT TRIGGER, even if it
-- is undone, writes the row again, and so it is seen that an event trigger was not at work for a time.
--
-- Rights: superuser.

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
    -- ALWAYS: also when session_replication_role is 'replica', because a restore changes tables, too.
    EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', e.name);
    EXECUTE format('COMMENT ON EVENT TRIGGER %I IS %L', e.name, (SELECT xmin::text FROM pg_event_trigger WHERE evtname = e.name));
  END LOOP;
END $$;

-- The publication from which we read. It publishes our descriptions from the beginning, and each watched table from the moment
-- at which a changefeed needs it.
--
-- Rights: CREATE on the database, and owner of changefeed.watched.

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = E'pg_changefeed') THEN
    IF current_setting('server_version_num')::int >= 180000 THEN
      CREATE PUBLICATION "pg_changefeed" FOR TABLE ONLY changefeed.watched WITH (publish_generated_columns = stored);
    ELSE
      CREATE PUBLICATION "pg_changefeed" FOR TABLE ONLY changefeed.watched;
    END IF;
  ELSIF NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
      WHERE p.pubname = E'pg_changefeed' AND r.prrelid = 'changefeed.watched'::regclass) THEN
    -- An earlier version made it. From here on descriptions are rows of this table, and all are written again.
    LOCK TABLE changefeed.watched IN SHARE ROW EXCLUSIVE MODE;
    ALTER PUBLICATION "pg_changefeed" ADD TABLE ONLY changefeed.watched;
    UPDATE changefeed.watched SET description = coalesce(changefeed.describe(relid), description), types = changefeed.types_of(relid);
  END IF;
  IF NOT (SELECT rolsuper FROM pg_publication JOIN pg_roles r ON r.oid = pubowner WHERE pubname = E'pg_changefeed') THEN
    RAISE EXCEPTION 'somebody else has made publication "%" in this moment', E'pg_changefeed' USING ERRCODE = 'duplicate_object', HINT = 'Start the changefeed again.';
  END IF;
  COMMENT ON PUBLICATION "pg_changefeed" IS E'pg-changefeed: what changefeeds read';
END $$;

-- What we keep in a database is not the user's, and belongs in no dump of the database: restored elsewhere, the event triggers and
-- the list of watched tables would speak of what is not there. PostgreSQL leaves out of dumps, with rows and privileges, what
-- belongs to an extension that initdb has created, and plpgsql is one. It also refuses to drop such objects one by one. A
-- publication cannot belong to an extension; src/server/statements/dump-query.ts keeps ours out of dumps.
--
-- Only the objects that we name are added: an application may keep something of its own beside them.
--
-- Rights: owner of the extension plpgsql, which is a superuser.

DO $$
DECLARE o record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'plpgsql') THEN RETURN; END IF;
  FOR o IN SELECT i.type, i.identity FROM (
        SELECT 'pg_namespace'::regclass AS class, oid FROM pg_namespace WHERE nspname = 'changefeed'
        UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class
          WHERE relnamespace = 'changefeed'::regnamespace AND relkind = 'r' AND relname = ANY (E'{watched, source, type_locks}'::name[])
        UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
          WHERE pronamespace = 'changefeed'::regnamespace AND proname = ANY (E'{concerned, concerned_by_schemas, describe, distrust, hindrance, hold, hold_types, is_incomplete, keep_complete, lasting, lockers, look, look_at, lost, mend, missed, needs_full, on_ddl, on_publication, on_rewrite, only_ours, open_list, print_of, published, published_among, publishes_all, reads_otherwise, refuse_hindrance, register, row_types, type_modifier, type_shape, types_in, types_of, uses, emit}'::name[])
        UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger WHERE evtname = ANY (E'{pg_changefeed_ddl, pg_changefeed_drop, pg_changefeed_rewrite, pg_changefeed_publication, pg_changefeed_publication_drop}'::name[])
      ) AS ours, LATERAL pg_identify_object(ours.class, ours.oid, 0) i LOOP
    EXECUTE format('ALTER EXTENSION plpgsql ADD %s %s', o.type, o.identity);
  END LOOP;
END $$;

-- The version that is installed now. It is written last, so that it is true.
--
-- Rights: owner of schema changefeed.

COMMENT ON SCHEMA changefeed IS E'pg-changefeed source schema, version 3 (6a71d3988569b4a9303d588604e21e78c77d9ddc083328af096a09070dbbb423)';
