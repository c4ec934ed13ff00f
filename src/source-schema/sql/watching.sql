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
  WHERE w.relid = ANY (relations) AND changefeed.reads_otherwise(changefeed.describe(w.relid), w.description) AND NOT changefeed.is_being_detached(w.relid)
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
DECLARE part oid[]; one record; unseen oid[]; partition oid;
BEGIN
  are_done := true;
  missed := '{}';
  UPDATE changefeed.watched w SET description = description || '{"dropped": true}' WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = w.relid);
  IF FOUND THEN DELETE FROM changefeed.watched w WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = w.relid); END IF;
  part := ARRAY(SELECT relid FROM changefeed.watched WHERE relid > after ORDER BY relid LIMIT most);
  next := CASE WHEN cardinality(part) < most THEN 0 ELSE part[most] END;
  FOR one IN SELECT relid, description, changefeed.describe(relid) AS fresh FROM changefeed.watched WHERE relid = ANY (part) ORDER BY relid LOOP
    CONTINUE WHEN one.description ? 'ancestors' AND changefeed.is_being_detached(one.relid);
    IF one.relid <> ALL (told) AND changefeed.reads_otherwise(one.fresh, one.description) THEN
      missed := missed || one.relid;
      names := concat_ws(', ', names, format('%I.%I', one.fresh ->> 'schema', one.fresh ->> 'name'));
      CONTINUE;
    END IF;
    IF one.fresh ? 'partitioned' THEN
      SELECT joined INTO unseen FROM changefeed.moved_partitions(ARRAY[one.relid]);
      IF unseen <> '{}' AND one.relid <> ALL (told) THEN
        missed := missed || one.relid;
        names := concat_ws(', ', names, format('%I.%I', one.fresh ->> 'schema', one.fresh ->> 'name'));
        CONTINUE;
      END IF;
      BEGIN
        FOREACH partition IN ARRAY unseen LOOP PERFORM changefeed.join_partition(partition, true); END LOOP;
      EXCEPTION WHEN lock_not_available OR deadlock_detected OR object_in_use OR undefined_table THEN
        are_done := false;
      END;
    END IF;
    CONTINUE WHEN one.fresh IS NULL OR changefeed.lasting(one.fresh) = changefeed.lasting(one.description) AND NOT changefeed.is_incomplete(one.relid);
    BEGIN
      PERFORM changefeed.look_at(one.relid, 'look', '{}');
    EXCEPTION WHEN lock_not_available OR deadlock_detected OR object_in_use OR undefined_table THEN
      are_done := false;
    END;
  END LOOP;
END $$;
