// The part of what we install in a source that answers DDL: an event trigger that finds which watched tables a command
// has changed, keeps their rows complete, and writes their new descriptions in the very transaction of the command.
//
// A command that touches nothing watched costs a look at what it did, and no error of ours makes it fail. One that
// would make the rows of a watched table incomplete, or make PostgreSQL refuse the application's own writes to it, is
// put right by REPLICA IDENTITY FULL, or refused with the reason.

import { publication } from './names.ts'

export const ddlSql = `
-- Whether UPDATEs and DELETEs of a table can leave values or keys out of the WAL. The same rule as identityChange() of
-- src/plan/identity.ts; a table that has lost its key altogether is here, too: its UPDATEs would fail.
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
    WHERE p.pubname <> '${publication}' AND (p.pubupdate OR p.pubdelete) AND (r.oid IS NOT NULL OR p.puballtables)
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

-- Waits for who writes to the table, and keeps writers out until the transaction ends. A writer may itself wait for the
-- type that this transaction has changed. So the wait is shorter than the writer's deadlock_timeout: it is never the
-- writer that fails. The deadlock check comes early, which also makes autovacuum give way.
DROP FUNCTION IF EXISTS changefeed.hold(oid);
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

-- Who has a lock on one of our own tables that keeps others out of it. For messages.
CREATE OR REPLACE FUNCTION changefeed.lockers(relation oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(DISTINCT CASE WHEN l.pid IS NULL THEN 'a prepared transaction' ELSE format('process %s of user "%s"', l.pid, a.usename) END, ', ')
  FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
  WHERE l.granted AND l.locktype = 'relation' AND l.relation = lockers.relation AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
$$;

-- The list of watched tables is read, or written, from here on. Who may write every table could lock it for as long as they
-- like: a command then fails after a while, and says for whom, where it would wait without end.
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
  -- What is wrong with us is answered where the list is read.
  NULL;
END $$;

-- Whoever describes a table holds its types still, and whoever changes a type waits for those. A lock by a number is anybody's
-- to take: so whoever takes one of ours also locks table type_locks, weakly, and who holds a number without that is a
-- stranger. Behind a stranger the whole table is locked, in a mode that the weak locks of the other side exclude.
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
  -- The column exists as such from PostgreSQL 18 on.
  SELECT attname INTO virtual_column FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = 'v' LIMIT 1;
  IF virtual_column IS NOT NULL AND (needs_full OR identity = 'f') THEN
    IF NOT may_refuse THEN RETURN; END IF;
    RAISE EXCEPTION 'table % is watched by changefeeds: it needs REPLICA IDENTITY FULL, and has the virtual generated column %', name, quote_ident(virtual_column)
      USING ERRCODE = 'object_in_use', DETAIL = 'PostgreSQL would refuse every UPDATE and DELETE of the table.',
        HINT = 'Make the column STORED; or, ' || give_back;
  END IF;
  -- An identity that its owner has chosen is the owner's affair.
  IF identity <> 'f' AND needs_full OR identity = 'f' AND (SELECT was_identity IS NOT NULL FROM changefeed.watched WHERE relid = relation) THEN
    other := changefeed.hindrance(relation);
    IF other IS NOT NULL THEN
      IF may_refuse THEN PERFORM changefeed.refuse_hindrance(relation, other); END IF;
      RETURN;
    END IF;
  END IF;
  IF needs_full AND identity <> 'f' THEN
    BEGIN
      -- What it was is given back when nobody needs the table any more.
      UPDATE changefeed.watched SET was_identity = identity,
          was_index = (SELECT indexrelid FROM pg_index WHERE indrelid = relation AND indisreplident)
        WHERE relid = relation AND was_identity IS NULL;
      EXECUTE 'ALTER TABLE ONLY ' || name || ' REPLICA IDENTITY FULL';
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      -- The command itself has locked less, so it has not made it so.
      RETURN;
    END;
    RAISE NOTICE 'table % has REPLICA IDENTITY FULL from now on: changefeeds watch it and need whole rows', name;
  END IF;
END $$;

-- Writes the description of a table if it is not what it was. The lock comes first: between it and the end of the
-- transaction nobody else writes rows of the table or changes how they print.
-- why: 'command', 'names' (a command that changes no table), or 'look' (nobody has changed anything in this transaction).
-- touched: the types that a command has changed.
DROP FUNCTION IF EXISTS changefeed.look_at(oid, text);
CREATE OR REPLACE FUNCTION changefeed.look_at(relation oid, why text, touched oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE old record; fresh jsonb; used oid[];
BEGIN
  SELECT description, types INTO old FROM changefeed.watched WHERE relid = relation;
  IF NOT FOUND THEN RETURN; END IF;
  IF why = 'look' THEN PERFORM changefeed.hold(relation, '{}'); END IF;
  IF why <> 'names' AND changefeed.published(relation) THEN
    PERFORM changefeed.keep_complete(relation, old.description ->> 'identity', why = 'command');
    -- What that changes is described already when event triggers are on.
    SELECT description INTO old.description FROM changefeed.watched WHERE relid = relation;
  END IF;
  fresh := changefeed.describe(relation);
  IF fresh = old.description THEN RETURN; END IF;
  PERFORM changefeed.open_list(true);
  IF fresh IS NULL THEN
    -- First what feeds are to hear, then nothing is left.
    UPDATE changefeed.watched SET description = description || '{"dropped": true}' WHERE relid = relation;
    DELETE FROM changefeed.watched WHERE relid = relation;
    RETURN;
  END IF;
  used := changefeed.types_of(relation);
  IF changefeed.print_of(fresh) <> changefeed.print_of(old.description) THEN
    PERFORM changefeed.hold(relation, touched);
    PERFORM changefeed.hold_types(used, false);
    -- Others may have changed it while these locks were waited for.
    fresh := changefeed.describe(relation);
    used := changefeed.types_of(relation);
  END IF;
  UPDATE changefeed.watched SET description = fresh, types = used WHERE relid = relation;
END $$;

-- The watched tables that a change of these relations (tables, indexes, composite types) and types concerns. However many
-- tables are watched, only indexes are looked into: every DDL of the database comes here.
CREATE OR REPLACE FUNCTION changefeed.concerned(relations oid[], touched oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE changed(relation) AS (
    SELECT unnest(relations)
    UNION
    SELECT next.relation FROM changed, LATERAL (
      SELECT indrelid AS relation FROM pg_index WHERE indexrelid = changed.relation
      UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = changed.relation
    ) next
  )
  SELECT coalesce(array_agg(relid ORDER BY relid), '{}') FROM (
    SELECT relid FROM changefeed.watched WHERE relid = ANY (ARRAY(SELECT relation FROM changed))
    UNION SELECT relid FROM changefeed.watched WHERE types && touched) AS found
$$;

-- Those whose name, or whose types' names, hold the name of one of these schemas.
CREATE OR REPLACE FUNCTION changefeed.concerned_by_schemas(schemas oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(relid ORDER BY relid), '{}') FROM changefeed.watched w
  WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = w.relid AND relnamespace = ANY (schemas))
    OR EXISTS (SELECT FROM pg_type t WHERE t.oid = ANY (w.types) AND typnamespace = ANY (schemas))
$$;

-- Row types of relations that columns or other types consist of, and types that were named themselves.
CREATE OR REPLACE FUNCTION changefeed.row_types(relations oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(t.oid ORDER BY t.oid), '{}') FROM pg_class c JOIN pg_type t ON t.oid = c.reltype
  WHERE c.oid = ANY(relations) AND (c.relkind = 'c' OR EXISTS (
    SELECT FROM pg_depend WHERE refclassid = 'pg_type'::regclass AND refobjid IN (t.oid, t.typarray) AND deptype IN ('n', 'a')))
$$;

CREATE OR REPLACE FUNCTION changefeed.on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE relations oid[]; touched oid[]; tables oid[]; relation oid; is_ours boolean := false;
BEGIN
  -- Nobody changes what we have installed by mistake. Names are asked of the catalogue alone: ours may be others by now.
  IF tg_event = 'sql_drop' THEN
    is_ours := tg_tag LIKE 'DROP %' AND EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE original
      AND (object_type IN ('trigger', 'rule', 'policy') AND address_names[1] = 'changefeed' AND address_names[2] IN ('watched', 'source')
        OR object_identity = 'changefeed.watched_types'));
  ELSIF tg_tag LIKE 'ALTER %' OR tg_tag = 'CREATE FUNCTION' THEN
    is_ours := EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c JOIN pg_depend d ON d.classid = c.classid AND d.objid = c.objid
      AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'plpgsql'
      -- Those below are plpgsql's own.
      WHERE c.objid >= 16384);
  END IF;
  IF is_ours AND NOT (coalesce(current_setting('changefeed.internal', true), '') = 'on' AND (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)) THEN
    RAISE EXCEPTION '% cannot change what belongs to the changefeeds of this database', tg_tag
      USING ERRCODE = 'object_in_use', HINT = 'It goes with the last watched table: UNWATCH DATABASE removes everything when no changefeed needs it any more';
  END IF;
  -- What only makes something new, or touches no column, changes no table that is watched.
  IF tg_tag LIKE 'CREATE %' AND tg_tag NOT IN ('CREATE EXTENSION', 'CREATE VIEW')
     OR tg_tag IN ('SELECT INTO', 'COMMENT', 'GRANT', 'REVOKE', 'SECURITY LABEL', 'REFRESH MATERIALIZED VIEW', 'REINDEX') THEN
    RETURN;
  END IF;
  -- What pg-changefeed does itself describes the tables it is about, and is no news of any other.
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
    -- Somebody's command must not fail for what is wrong with us; what was missed is looked for by changefeed.look().
    RAISE WARNING 'changefeeds could not see what % changed: %', tg_tag, SQLERRM;
    RETURN;
  END;
  IF touched <> '{}' THEN
    -- A table that is being taken under watch may use the type.
    PERFORM changefeed.hold_types(touched, true);
    tables := changefeed.concerned(coalesce(relations, '{}'), touched);
  END IF;
  FOREACH relation IN ARRAY tables LOOP
    PERFORM changefeed.look_at(relation, CASE WHEN tg_tag IN ('ALTER SCHEMA', 'ALTER TYPE', 'ALTER DOMAIN') THEN 'names' ELSE 'command' END, touched);
  END LOOP;
END $$;

-- Called before ALTER TABLE writes every row anew. Columns may look the same afterwards and hold other values, and the log
-- has no word of it; on_ddl() then finds another description. Other reasons (persistence, access method) change no value.
CREATE OR REPLACE FUNCTION changefeed.on_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
  IF pg_event_trigger_table_rewrite_reason() & 6 <> 0 THEN
    UPDATE changefeed.watched SET rewrites = rewrites + 1 WHERE relid = pg_event_trigger_table_rewrite_oid();
  END IF;
EXCEPTION WHEN OTHERS THEN
  -- Somebody's command must not fail for what is wrong with us.
  RAISE WARNING 'changefeeds could not see that % writes a table anew: %', tg_tag, SQLERRM;
END $$;

-- The publication stays as it is while somebody needs it, and others do not make writes to watched tables fail.
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
        AND (object_identity = '${publication}' OR object_identity LIKE '% in publication ${publication}'));
    ELSE
      -- Also when it has another name now: it is the one that publishes our descriptions.
      is_lost := EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d
        LEFT JOIN pg_publication_rel r ON d.classid = 'pg_publication_rel'::regclass AND r.oid = d.objid
        JOIN pg_publication p ON p.oid = coalesce(r.prpubid, d.objid)
        WHERE p.pubname = '${publication}' OR EXISTS (
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
    RAISE EXCEPTION 'publication "${publication}" is in use by changefeeds'
      USING ERRCODE = 'object_in_use', HINT = 'Changes of the watched tables would be lost. When no changefeed needs them any more, UNWATCH DATABASE gives all tables back and removes it.';
  END IF;
END $$;
`
