// The part of what we install in a source that takes tables under watch, gives them back, and says which are published.

import { publication, publicationSettings } from './names.ts'

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

-- Whether rows are read otherwise by one description than by the other: other columns or types, or another key.
CREATE OR REPLACE FUNCTION changefeed.reads_otherwise(fresh jsonb, old jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT fresh <> old AND (changefeed.print_of(fresh) IS DISTINCT FROM changefeed.print_of(old)
    OR fresh -> 'primaryKey' <> old -> 'primaryKey' OR fresh -> 'deferrableKey' <> old -> 'deferrableKey')
$$;

-- Of these watched tables the ones whose rows may have been read wrongly: no event trigger of ours has seen what changed them.
CREATE OR REPLACE FUNCTION changefeed.missed(relations oid[]) RETURNS TABLE (relid oid, name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT w.relid, format('%I.%I', n.nspname, c.relname)
  FROM changefeed.watched w JOIN pg_class c ON c.oid = w.relid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE w.relid = ANY (relations) AND changefeed.reads_otherwise(changefeed.describe(w.relid), w.description)
  ORDER BY 1
$$;

-- Writes a description of every watched table that is not what it was, for what no event trigger has seen: of all that
-- are gone, and of \`most\` others, those behind \`after\` in the order of their oids. \`next\` is where the next look begins;
-- 0: at the first. \`are_done\` is false when a table is in use and stands to be looked at again; described now, it would not
-- be told which of its rows are older. \`told\`: tables whose gap is in the log; of others, what was missed is only named.
DROP FUNCTION IF EXISTS changefeed.look(oid, int);
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
    CONTINUE WHEN one.fresh IS NULL OR one.fresh = one.description AND NOT changefeed.is_incomplete(one.relid);
    BEGIN
      PERFORM changefeed.look_at(one.relid, 'look', '{}');
    EXCEPTION WHEN lock_not_available OR deadlock_detected OR object_in_use OR undefined_table THEN
      are_done := false;
    END;
  END LOOP;
END $$;
`
