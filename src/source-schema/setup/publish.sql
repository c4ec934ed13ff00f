-- The publication: all kinds of changes, all rows, all columns. Partitions come with their partitioned table.
DO $$
DECLARE target regclass;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = :'publication') THEN
    CREATE PUBLICATION :"publication";
    PERFORM set_config('changefeed.undo', current_setting('changefeed.undo') || format(E'DROP PUBLICATION IF EXISTS %I;\n', :'publication'), true);
  END IF;
  -- An ALTER that changes nothing would still be a gap for changefeeds that run.
  IF NOT (SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AND NOT pubviaroot FROM pg_publication WHERE pubname = :'publication') THEN
    ALTER PUBLICATION :"publication" SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = false);
  END IF;
  IF (SELECT to_jsonb(p) ->> 'pubgencols' <> 's' FROM pg_publication p WHERE pubname = :'publication') THEN
    EXECUTE 'ALTER PUBLICATION ' || quote_ident(:'publication') || ' SET (publish_generated_columns = stored)';
  END IF;
  FOREACH target IN ARRAY :(tables) LOOP
    IF EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
        WHERE p.pubname = :'publication' AND r.prrelid = target AND (to_jsonb(r) ->> 'prqual' IS NOT NULL OR to_jsonb(r) ->> 'prattrs' IS NOT NULL)) THEN
      EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', :'publication', target);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
        WHERE p.pubname = :'publication' AND (r.prrelid = target OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(target)))) THEN
      EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', :'publication', target);
    END IF;
  END LOOP;
END $$;
