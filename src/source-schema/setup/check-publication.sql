-- Changes no publication that was made for something else, and makes no table publish UPDATEs that has no replica identity for them.
DO $$
DECLARE existing record; part record; described text;
BEGIN
  SELECT p.oid, p.pubupdate AND p.pubdelete AS publishes INTO existing FROM pg_publication p WHERE p.pubname = :'publication';
  IF NOT FOUND THEN RETURN; END IF;
  described := obj_description(existing.oid, 'pg_publication');
  IF described = :'installed_mark' THEN
    RAISE EXCEPTION 'pg-changefeed itself has installed what it needs in database "%"', current_database()
      USING HINT = 'it needs no script; changefeed uninstall removes it, and then this script prepares the database';
  END IF;
  IF NOT coalesce(starts_with(described, :'prepared_mark'), false) THEN
    RAISE EXCEPTION 'publication % exists and was not made by this script, which changes nothing of it', quote_ident(:'publication')
      USING HINT = format('if it is for something else: ALTER PUBLICATION %1$I RENAME TO ...; if nobody needs it: DROP PUBLICATION %1$I; if you have made it for changefeeds, so that the script may change it: COMMENT ON PUBLICATION %1$I IS %2$L', :'publication', :'prepared_mark');
  END IF;
  IF existing.publishes THEN RETURN; END IF;
  FOR part IN SELECT DISTINCT c.oid, format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_get_publication_tables(:'publication') AS g, LATERAL (SELECT g.relid AS leaf UNION SELECT t.relid FROM pg_partition_tree(g.relid) AS t) AS l
      JOIN pg_class c ON c.oid = l.leaf JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' ORDER BY c.oid LOOP
    -- Nobody takes its key away until the script is done.
    EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', part.name);
    IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = part.oid AND (c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index i
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
          AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END))) THEN
      RAISE EXCEPTION 'publication % would begin to publish the UPDATEs and DELETEs of table %, and they would fail, because it has no usable replica identity', quote_ident(:'publication'), part.name
        USING HINT = format('ALTER PUBLICATION %I DROP TABLE %s; or ALTER TABLE %2$s ADD PRIMARY KEY (...)', :'publication', part.name);
    END IF;
  END LOOP;
END $$;
