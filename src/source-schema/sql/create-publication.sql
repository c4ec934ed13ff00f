-- The publication from which we read. It publishes our descriptions from the beginning, and each watched table from the moment
-- at which a changefeed needs it.
--
-- Rights: CREATE on the database, and owner of changefeed.watched.

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = :'publication') THEN
    IF current_setting('server_version_num')::int >= 180000 THEN
      CREATE PUBLICATION :"publication" FOR TABLE ONLY changefeed.watched WITH (publish_generated_columns = stored);
    ELSE
      CREATE PUBLICATION :"publication" FOR TABLE ONLY changefeed.watched;
    END IF;
  ELSIF NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
      WHERE p.pubname = :'publication' AND r.prrelid = 'changefeed.watched'::regclass) THEN
    -- An earlier version made it. From here on descriptions are rows of this table, and all are written again.
    LOCK TABLE changefeed.watched IN SHARE ROW EXCLUSIVE MODE;
    ALTER PUBLICATION :"publication" ADD TABLE ONLY changefeed.watched;
    UPDATE changefeed.watched SET description = coalesce(changefeed.describe(relid), description), types = changefeed.types_of(relid);
  END IF;
  IF NOT (SELECT :(role_is_ours) FROM pg_publication JOIN pg_roles r ON r.oid = pubowner WHERE pubname = :'publication') THEN
    RAISE EXCEPTION 'somebody else has made publication "%" in this moment', :'publication' USING ERRCODE = 'duplicate_object', HINT = 'Start the changefeed again.';
  END IF;
  COMMENT ON PUBLICATION :"publication" IS :'publication_mark';
END $$;
