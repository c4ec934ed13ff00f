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
DECLARE relations oid[]; touched oid[]; tables oid[]; joined oid[] := '{}'; parted oid[] := '{}'; relation oid; is_ours boolean := false;
BEGIN
  -- Nobody changes what we have installed by mistake. Only the catalogue says what is ours: our objects may have been renamed.
  IF tg_event = 'sql_drop' THEN
    is_ours := tg_tag LIKE 'DROP %' AND EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE original
      AND (object_type IN ('trigger', 'rule', 'policy') AND address_names[1] = 'changefeed' AND address_names[2] IN ('watched', 'source')
        OR object_identity IN ('changefeed.watched_types', 'changefeed.watched_keys')));
  ELSIF tg_tag LIKE 'ALTER %' OR tg_tag = 'CREATE FUNCTION' THEN
    is_ours := EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c JOIN pg_depend d ON d.classid = c.classid AND d.objid = c.objid
      AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'plpgsql'
      -- Lower oids are plpgsql's own objects.
      WHERE c.objid >= 16384);
  END IF;
  IF is_ours AND NOT (coalesce(current_setting('changefeed.internal', true), '') = 'on' AND :(session_is_ours)) THEN
    RAISE EXCEPTION '% cannot change what belongs to the changefeeds of this database', tg_tag
      USING ERRCODE = 'object_in_use', HINT = 'It goes with the last watched table: UNWATCH DATABASE removes everything when no changefeed needs it any more';
  END IF;
  -- A command that only creates something, or that touches no column, changes no watched table, except that it creates a partition.
  IF tg_tag IN ('CREATE TABLE', 'CREATE SCHEMA', 'CREATE FOREIGN TABLE') THEN
    IF NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass WHERE c.relispartition) THEN
      RETURN;
    END IF;
  ELSIF tg_tag LIKE 'CREATE %' AND tg_tag NOT IN ('CREATE EXTENSION', 'CREATE VIEW')
     OR tg_tag IN ('SELECT INTO', 'COMMENT', 'GRANT', 'REVOKE', 'SECURITY LABEL', 'REFRESH MATERIALIZED VIEW', 'REINDEX') THEN
    RETURN;
  END IF;
  -- pg-changefeed itself describes the tables that its own commands change, and these commands change no other table.
  IF coalesce(current_setting('changefeed.internal', true), '') = 'on'
     AND :(session_is_ours) THEN
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
      SELECT m.joined, m.parted INTO joined, parted FROM changefeed.moved_partitions(coalesce(relations, '{}')) m;
    END IF;
    tables := coalesce(tables, changefeed.changed_among(changefeed.concerned(coalesce(relations, '{}'), touched), coalesce(relations, '{}'), touched) || parted);
  EXCEPTION WHEN OTHERS THEN
    -- A command of the application must not fail for an error of ours. changefeed.look() finds later what was missed here.
    RAISE WARNING 'changefeeds could not see what % changed: %', tg_tag, SQLERRM;
    RETURN;
  END;
  IF touched <> '{}' THEN
    -- A table that is being taken under watch may use the type.
    PERFORM changefeed.hold_types(touched, true);
    tables := changefeed.changed_among(changefeed.concerned(coalesce(relations, '{}'), touched), coalesce(relations, '{}'), touched) || parted;
  END IF;
  FOREACH relation IN ARRAY joined LOOP
    PERFORM changefeed.join_partition(relation, tg_tag NOT LIKE 'CREATE %');
  END LOOP;
  FOREACH relation IN ARRAY tables LOOP
    PERFORM changefeed.look_at(relation, CASE WHEN tg_tag IN ('ALTER SCHEMA', 'ALTER TYPE', 'ALTER DOMAIN')
      AND (SELECT reloftype = 0 FROM pg_class WHERE oid = relation) THEN 'names' ELSE 'command' END, touched);
  END LOOP;
  -- A running decoding of PostgreSQL 14 goes on with what it knows of the partition. Any change of the publication makes it look again.
  IF current_setting('server_version_num')::int < 150000 AND joined || parted <> '{}' THEN
    ALTER PUBLICATION :"publication" SET (publish = 'insert, update, delete, truncate');
  END IF;
END $$;

-- Called before ALTER TABLE writes all rows of a table again. The columns may look the same afterwards and hold other values, of
-- which the changelog knows nothing. The counter changes the description, so that on_ddl() finds another one. Other reasons to
-- rewrite a table (persistence, access method) change no value.
CREATE OR REPLACE FUNCTION changefeed.on_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
  IF pg_event_trigger_table_rewrite_reason() & 6 <> 0 THEN
    -- The values of a partitioned table are those of its partitions.
    UPDATE changefeed.watched SET rewrites = rewrites + 1 WHERE relid = pg_event_trigger_table_rewrite_oid()
      OR relid IN (SELECT a.relid FROM pg_partition_ancestors(pg_event_trigger_table_rewrite_oid()) a);
  END IF;
EXCEPTION WHEN OTHERS THEN
  -- A command of the application must not fail for an error of ours.
  RAISE WARNING 'changefeeds could not see that % writes a table anew: %', tg_tag, SQLERRM;
END $$;
