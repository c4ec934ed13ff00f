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
    -- PostgreSQL itself refuses this only for a table that stands in the publication, and not for its partitions.
    IF why = 'command' AND (SELECT relpersistence FROM pg_class WHERE oid = relation) = 'u' THEN
      RAISE EXCEPTION 'table % is watched by changefeeds and cannot be unlogged', relation::regclass
        USING ERRCODE = 'object_in_use', DETAIL = 'PostgreSQL does not log its changes, so changefeeds would miss its rows.';
    END IF;
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
  IF old.description ? 'ancestors' AND fresh -> 'ancestors' IS DISTINCT FROM old.description -> 'ancestors' THEN
    PERFORM changefeed.forget_partition(relation);
  END IF;
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
    UNION SELECT relid FROM changefeed.watched WHERE key_index = ANY (relations)
    UNION SELECT relid FROM changefeed.watched WHERE types && touched) AS found
$$;

-- The watched tables whose own name, or the name of one of whose types, contains the name of one of these schemas.
CREATE OR REPLACE FUNCTION changefeed.concerned_by_schemas(schemas oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(relid ORDER BY relid), '{}') FROM changefeed.watched w
  WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = w.relid AND relnamespace = ANY (schemas))
    OR EXISTS (SELECT FROM pg_type t WHERE t.oid = ANY (w.types) AND typnamespace = ANY (schemas))
$$;
