-- Functions that say which tables our publication publishes, and that repair it. pubgencols came with PostgreSQL 18, prqual and
-- prattrs with 15; to_jsonb() reads these columns where they exist.
--
-- Rights: owner of schema changefeed. mend() is run by the owner of the publication.

-- Whether the publication publishes all kinds of changes, and all descriptions.
CREATE OR REPLACE FUNCTION changefeed.publishes_all() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_publication p WHERE pubname = :'publication' AND pubinsert AND pubupdate AND pubdelete
    AND pubtruncate AND NOT pubviaroot AND coalesce(to_jsonb(p) ->> 'pubgencols', 's') = 's'
    AND EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = to_regclass('changefeed.watched')
      AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL))
$$;

-- Whether all columns of all rows of the table are published, and its descriptions. A partition is published with its partitioned table.
CREATE OR REPLACE FUNCTION changefeed.published(relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT changefeed.publishes_all() AND EXISTS (
    SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE p.pubname = :'publication' AND (r.prrelid = relation OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(relation)))
      AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL)
$$;

-- Of these tables the ones for which published() is true.
CREATE OR REPLACE FUNCTION changefeed.published_among(relations oid[]) RETURNS SETOF oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH whole AS (
    SELECT r.prrelid AS relid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE p.pubname = :'publication' AND (SELECT changefeed.publishes_all())
      AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL)
  SELECT relid FROM whole WHERE relid = ANY (relations)
  UNION SELECT c.oid FROM pg_class c WHERE c.oid = ANY (relations) AND c.relispartition
    AND EXISTS (SELECT FROM pg_partition_ancestors(c.oid) a WHERE a.relid::oid IN (SELECT relid FROM whole))
$$;

-- Whether DETACH PARTITION ... CONCURRENTLY of the table, or of a partition that it is a part of, has begun and is not complete. Until then it
-- is published no longer and described as a partition; the second transaction of the command is the one that changefeeds see.
CREATE OR REPLACE FUNCTION changefeed.is_being_detached(relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending AND inhrelid IN (SELECT relid FROM pg_partition_ancestors(relation)))
$$;

-- The watched tables for which published() is false.
CREATE OR REPLACE FUNCTION changefeed.lost() RETURNS TABLE (relid oid, name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH whole AS (
    SELECT r.prrelid AS relid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE p.pubname = :'publication' AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL)
  SELECT w.relid, format('%I.%I', n.nspname, c.relname)
  FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT (SELECT changefeed.publishes_all()) OR w.relid NOT IN (SELECT relid FROM whole)
    AND NOT (c.relispartition AND (EXISTS (SELECT FROM pg_partition_ancestors(w.relid) a WHERE a.relid::oid IN (SELECT relid FROM whole))
      OR changefeed.is_being_detached(w.relid)))
  -- Partitions are published again with their partitioned tables.
  ORDER BY c.relispartition, 1
$$;

-- Makes publishes_all() true again. Only what is written from now on is published completely.
CREATE OR REPLACE FUNCTION changefeed.mend() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF changefeed.publishes_all() THEN RETURN; END IF;
  EXECUTE format('ALTER PUBLICATION %I SET (publish = ''insert, update, delete, truncate'', publish_via_partition_root = false%s)', :'publication',
    CASE WHEN current_setting('server_version_num')::int >= 180000 THEN ', publish_generated_columns = stored' END);
  IF NOT changefeed.publishes_all() THEN
    IF EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
        WHERE p.pubname = :'publication' AND r.prrelid = to_regclass('changefeed.watched')) THEN
      ALTER PUBLICATION :"publication" DROP TABLE ONLY changefeed.watched;
    END IF;
    ALTER PUBLICATION :"publication" ADD TABLE ONLY changefeed.watched;
  END IF;
  -- Descriptions may be among what was not published.
  UPDATE changefeed.watched SET since_xid = pg_current_xact_id(), since = clock_timestamp(), description = coalesce(changefeed.describe(relid), description);
END $$;
