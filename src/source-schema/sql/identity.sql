-- Functions that keep the rows of watched tables complete: a table whose UPDATEs and DELETEs could leave values or keys out of
-- the WAL gets REPLICA IDENTITY FULL, or the command that makes this necessary is refused with the reason.
--
-- Rights: owner of schema changefeed who may set deadlock_timeout. keep_complete() alters watched tables, which their owner may
-- do.

-- Whether UPDATEs and DELETEs of a table can leave values or keys out of the WAL. identityChange() of src/plan/identity.ts has
-- the same rule; here it also holds for a table that has lost its key altogether, because its UPDATEs would fail. The rows of a
-- partition have the key of the partitioned table that is watched; if that one has FULL, changefeeds need whole old rows.
CREATE OR REPLACE FUNCTION changefeed.needs_full(relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT relkind <> 'p' AND (reltoastrelid <> 0 OR relreplident = 'n'
    OR NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = changefeed.key_index(relation) AND indimmediate
      AND CASE relreplident WHEN 'd' THEN indisprimary WHEN 'i' THEN indisreplident ELSE true END)
    OR relispartition AND EXISTS (
      SELECT FROM pg_partition_ancestors(relation) a JOIN changefeed.watched w ON w.relid = a.relid JOIN pg_class root ON root.oid = a.relid
      WHERE a.relid <> relation AND (root.relreplident = 'f'
        OR NOT changefeed.columns_of(changefeed.key_index(relation)) @> changefeed.columns_of(changefeed.key_index(a.relid)))))
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
    WHERE p.pubname <> :'publication' AND (p.pubupdate OR p.pubdelete) AND (r.oid IS NOT NULL OR p.puballtables)
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
  IF may_refuse AND identity <> 'f' AND (old_identity = 'f' OR identity = 'n'
      OR identity = 'i' AND EXISTS (SELECT FROM pg_index WHERE indrelid = relation AND indisprimary)) THEN
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
      UPDATE changefeed.watched SET key_index = indexrelid FROM pg_index WHERE relid = relation AND indrelid = relation AND indisreplident;
      EXECUTE 'ALTER TABLE ONLY ' || name || ' REPLICA IDENTITY FULL';
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
      -- The command itself has taken a weaker lock, so it has not made this necessary.
      RETURN;
    WHEN insufficient_privilege THEN
      -- The table has got another owner. A command of the application must not fail for that.
      PERFORM changefeed.distrust(format('table %s needs REPLICA IDENTITY FULL, and belongs to another role now: values may be missing from its changes', name));
      RETURN;
    END;
    RAISE NOTICE 'table % has REPLICA IDENTITY FULL from now on: changefeeds watch it and need whole rows', name;
  END IF;
END $$;
