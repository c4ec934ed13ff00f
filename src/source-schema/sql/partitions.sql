-- Functions that keep the list of watched tables true when tables become partitions of watched tables, and when they are
-- partitions no longer. A partition has a row in the list like its partitioned table, and its description names its ancestors.
--
-- Rights: owner of schema changefeed who may set deadlock_timeout. They alter partitions, which their owner may do.

-- joined: tables that a command has made partitions of watched tables, and that are not described so. parted: watched tables
-- that are partitions of one of these relations no longer. Where the relations have nothing to do with partitions, both are empty.
-- pg_partition_tree() would lock all partitions, and wait for whoever has locked one.
CREATE OR REPLACE FUNCTION changefeed.moved_partitions(relations oid[], OUT joined oid[], OUT parted oid[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE places (relid) AS (
    SELECT oid FROM pg_class WHERE oid = ANY (relations) AND (relkind = 'p' OR relispartition AND relkind IN ('r', 'f'))
    UNION SELECT i.inhrelid FROM places p JOIN pg_inherits i ON i.inhparent = p.relid JOIN pg_class c ON c.oid = i.inhrelid
      WHERE c.relispartition AND NOT i.inhdetachpending
  ), above AS (
    SELECT p.relid, array_agg(a.relid::oid ORDER BY n) AS ancestors
    FROM places p, LATERAL pg_partition_ancestors(p.relid) WITH ORDINALITY AS a(relid, n) WHERE a.relid <> p.relid GROUP BY 1
  )
  SELECT coalesce((SELECT array_agg(p.relid ORDER BY p.relid) FROM above p LEFT JOIN changefeed.watched w ON w.relid = p.relid
      WHERE EXISTS (SELECT FROM changefeed.watched root WHERE root.relid = ANY (p.ancestors))
        AND coalesce(w.description -> 'ancestors', '[]') <> to_jsonb(p.ancestors::bigint[])), '{}'),
    coalesce((SELECT array_agg(w.relid ORDER BY w.relid) FROM changefeed.watched w
      WHERE EXISTS (SELECT FROM pg_class WHERE oid = ANY (relations) AND relkind = 'p')
        AND w.description -> 'ancestors' @> ANY (SELECT to_jsonb(oid::bigint) FROM pg_class WHERE oid = ANY (relations) AND relkind = 'p')
        AND EXISTS (SELECT FROM jsonb_array_elements_text(w.description -> 'ancestors') a
          WHERE a::oid <> ALL (ARRAY(SELECT relid::oid FROM pg_partition_ancestors(w.relid))))), '{}')
$$;

-- Of the watched tables that a command on these relations concerns, those that it may have changed. A command on a partitioned table
-- that changes no column, such as ATTACH and DETACH, leaves its partitions as they are, and there may be thousands of them. What the
-- catalogue says of a table that was changed was written since this transaction began; what a command drops is among the relations.
CREATE OR REPLACE FUNCTION changefeed.changed_among(concerned oid[], relations oid[], touched oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(w.relid ORDER BY w.relid), '{}')
  FROM (SELECT age(pg_current_xact_id()::xid) AS ours) AS a, changefeed.watched w LEFT JOIN pg_class c ON c.oid = w.relid
  WHERE w.relid = ANY (concerned) AND (w.relid = ANY (relations) OR c.relispartition IS NOT TRUE OR w.types && touched
    OR age(w.xmin) <= ours OR age(c.xmin) <= ours
    OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = w.relid AND attnum > 0 AND age(xmin) <= ours)
    OR EXISTS (SELECT FROM pg_index WHERE indrelid = w.relid AND age(xmin) <= ours))
$$;

-- Takes a new partition of a watched table into the list, in the transaction that made it one. may_have_rows: it may have had
-- rows before, which changefeeds do not know.
CREATE OR REPLACE FUNCTION changefeed.join_partition(relation oid, may_have_rows boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE c record; root text; has_rows boolean;
BEGIN
  SELECT relkind, relpersistence, relreplident, format('%I.%I', nspname, relname) AS name INTO c
    FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE pg_class.oid = relation;
  IF c.relkind = 'f' OR c.relpersistence <> 'p' THEN
    SELECT format('%I.%I', nspname, relname) INTO root FROM pg_partition_ancestors(relation) a JOIN changefeed.watched w ON w.relid = a.relid
      JOIN pg_class t ON t.oid = a.relid JOIN pg_namespace n ON n.oid = relnamespace LIMIT 1;
    RAISE EXCEPTION 'table % cannot be a partition of %, which changefeeds watch: it is %', c.name, root,
        CASE WHEN c.relkind = 'f' THEN 'a foreign table' WHEN c.relpersistence = 'u' THEN 'unlogged' ELSE 'temporary' END
      USING ERRCODE = 'object_in_use', DETAIL = 'PostgreSQL does not log its changes, so changefeeds would miss its rows.',
        HINT = CASE WHEN c.relkind = 'f' OR c.relpersistence = 't' THEN format('When no changefeed needs the table any more, UNWATCH TABLE %s gives it back', root)
          ELSE format('ALTER TABLE %s SET LOGGED', c.name) END;
  END IF;
  PERFORM changefeed.hold(relation, '{}');
  -- The size has no snapshot: rows that this transaction does not see count, too.
  has_rows := (may_have_rows AND c.relkind <> 'p' AND pg_relation_size(relation) > 0);
  PERFORM changefeed.open_list(true);
  UPDATE changefeed.watched SET attached = CASE WHEN has_rows THEN pg_current_xact_id()::text::bigint ELSE attached END WHERE relid = relation;
  IF FOUND THEN
    UPDATE changefeed.watched SET description = changefeed.describe(relation) WHERE relid = relation;
  ELSE
    PERFORM changefeed.register(relation);
    IF has_rows THEN
      UPDATE changefeed.watched SET attached = pg_current_xact_id()::text::bigint WHERE relid = relation;
      UPDATE changefeed.watched SET description = changefeed.describe(relation) WHERE relid = relation;
    END IF;
  END IF;
  IF changefeed.published(relation) THEN
    PERFORM changefeed.keep_complete(relation, c.relreplident::text, true);
    UPDATE changefeed.watched SET description = changefeed.describe(relation) WHERE relid = relation AND description <> changefeed.describe(relation);
  END IF;
END $$;

-- Ends the watch of a table that is a partition of a watched table no longer, unless changefeeds watch it for itself. It gets the
-- replica identity back that it had before.
CREATE OR REPLACE FUNCTION changefeed.forget_partition(relation oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '600ms' SET deadlock_timeout = '50ms' AS $$
DECLARE was record; name text := (SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = relation);
BEGIN
  SELECT was_identity, was_index INTO was FROM changefeed.watched WHERE relid = relation;
  IF NOT changefeed.publishes_all() OR EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
        WHERE p.pubname = :'publication' AND r.prrelid = relation)
      OR EXISTS (SELECT FROM pg_partition_ancestors(relation) a JOIN changefeed.watched w ON w.relid = a.relid WHERE a.relid <> relation) THEN
    RETURN;
  END IF;
  DELETE FROM changefeed.watched WHERE relid = relation;
  IF was.was_identity IS NULL OR was.was_identity = 'f' OR (SELECT relreplident FROM pg_class WHERE oid = relation) <> 'f' THEN RETURN; END IF;
  BEGIN
    EXECUTE format('ALTER TABLE ONLY %s REPLICA IDENTITY %s', name, CASE WHEN was.was_identity = 'n' THEN 'NOTHING' ELSE coalesce((SELECT format('USING INDEX %I', relname) FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid
        WHERE was.was_identity = 'i' AND indexrelid = was.was_index AND indrelid = relation AND indisunique AND indimmediate AND indisvalid AND indpred IS NULL), 'DEFAULT') END);
  EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RAISE NOTICE 'table % keeps its REPLICA IDENTITY FULL, which a changefeed has needed', name;
  END;
END $$;
