// The part of what we install in a source that takes tables under watch, gives them back, and says which are published.

import { publication, publicationSettings } from './install-names.ts'

export const watchingSql = `
-- pubgencols came with PostgreSQL 18, prqual and prattrs with 15; to_jsonb reads them where they are.
CREATE OR REPLACE FUNCTION changefeed.publishes_all() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_publication p WHERE pubname = '${publication}' AND pubinsert AND pubupdate AND pubdelete
    AND pubtruncate AND NOT pubviaroot AND coalesce(to_jsonb(p) ->> 'pubgencols', 's') = 's'
    AND EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = to_regclass('changefeed.watched')
      AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL))
$$;

-- Every row of the relation, whole, and its descriptions.
CREATE OR REPLACE FUNCTION changefeed.published(relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT changefeed.publishes_all() AND EXISTS (
    SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE p.pubname = '${publication}' AND r.prrelid = relation
      AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL)
$$;

-- Of these relations the ones whose every row is published, whole.
CREATE OR REPLACE FUNCTION changefeed.published_among(relations oid[]) RETURNS SETOF oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.prrelid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  WHERE r.prrelid = ANY (relations) AND p.pubname = '${publication}' AND (SELECT changefeed.publishes_all())
    AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL
$$;

-- The watched tables whose rows are not all published.
CREATE OR REPLACE FUNCTION changefeed.lost() RETURNS TABLE (relid oid, name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT w.relid, format('%I.%I', n.nspname, c.relname)
  FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT (SELECT changefeed.publishes_all()) OR w.relid NOT IN (
    SELECT r.prrelid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
    WHERE p.pubname = '${publication}' AND to_jsonb(r) ->> 'prqual' IS NULL AND to_jsonb(r) ->> 'prattrs' IS NULL)
  ORDER BY 1
$$;

-- What the publication publishes is made all again; only what comes from now on is complete.
CREATE OR REPLACE FUNCTION changefeed.mend() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF changefeed.publishes_all() THEN RETURN; END IF;
  EXECUTE 'ALTER PUBLICATION ${publication} SET (${publicationSettings}'
    || CASE WHEN current_setting('server_version_num')::int >= 180000 THEN ', publish_generated_columns = stored)' ELSE ')' END;
  IF NOT changefeed.publishes_all() THEN
    IF EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
        WHERE p.pubname = '${publication}' AND r.prrelid = to_regclass('changefeed.watched')) THEN
      ALTER PUBLICATION ${publication} DROP TABLE ONLY changefeed.watched;
    END IF;
    ALTER PUBLICATION ${publication} ADD TABLE ONLY changefeed.watched;
  END IF;
  -- Descriptions may be among what was not published.
  UPDATE changefeed.watched SET since_xid = pg_current_xact_id(), since = clock_timestamp(), description = coalesce(changefeed.describe(relid), description);
END $$;

CREATE OR REPLACE FUNCTION changefeed.distrust(reason text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  UPDATE changefeed.source SET token = md5(gen_random_uuid()::text), why = reason
$$;

-- Called in the transaction that adds the table to the publication and holds a lock that keeps writers out.
CREATE OR REPLACE FUNCTION changefeed.register(relation oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE used oid[] := changefeed.types_of(relation);
BEGIN
  IF used <> '{}' THEN
    PERFORM changefeed.hold_types(used, false);
    -- Others may have changed them while these locks were waited for.
    used := changefeed.types_of(relation);
  END IF;
  INSERT INTO changefeed.watched (relid, description, types) VALUES (relation, changefeed.describe(relation), used)
    ON CONFLICT (relid) DO UPDATE SET description = excluded.description, types = excluded.types;
END $$;

-- Writes a description of every watched table that is not what it was, for what no event trigger has seen: of all that
-- are gone, and of \`most\` others, those behind \`after\` in the order of their oids. \`next\` is where the next look begins;
-- 0: at the first. \`are_done\` is false when a table is in use and stands to be looked at again; described now, it would not
-- be told which of its rows are older.
CREATE OR REPLACE FUNCTION changefeed.look(after oid, most int, OUT next oid, OUT are_done boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE part oid[]; relation oid;
BEGIN
  are_done := true;
  UPDATE changefeed.watched w SET description = description || '{"dropped": true}' WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = w.relid);
  IF FOUND THEN DELETE FROM changefeed.watched w WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = w.relid); END IF;
  part := ARRAY(SELECT relid FROM changefeed.watched WHERE relid > after ORDER BY relid LIMIT most);
  next := CASE WHEN cardinality(part) < most THEN 0 ELSE part[most] END;
  FOR relation IN SELECT relid FROM changefeed.watched
      WHERE relid = ANY (part) AND (changefeed.describe(relid) <> description OR changefeed.is_incomplete(relid)) ORDER BY relid LOOP
    BEGIN
      PERFORM changefeed.look_at(relation, 'look', '{}');
    EXCEPTION WHEN lock_not_available OR deadlock_detected OR object_in_use OR undefined_table THEN
      are_done := false;
    END;
  END LOOP;
END $$;
`
