-- The comment on the publication says that this script has prepared the database, and how to undo it.
DO $$
DECLARE was text := (SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = :'publication');
BEGIN
  IF was IS NULL OR NOT starts_with(was, :'prepared_mark') THEN was := :'prepared_mark'; END IF;
  IF right(was, 1) <> E'\n' THEN was := was || E'\n'; END IF;
  IF was || current_setting('changefeed.undo') IS DISTINCT FROM (SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = :'publication') THEN
    EXECUTE format('COMMENT ON PUBLICATION %I IS %L', :'publication', was || current_setting('changefeed.undo'));
  END IF;
END $$;
