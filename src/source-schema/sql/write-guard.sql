-- The rows of changefeed.watched are published, and each is read as what a watched table looks like from there on: whoever can
-- write these rows decides how rows of the table are read. A member of pg_write_all_data could write them without this trigger.
--
-- Rights: owner of schema changefeed.

CREATE OR REPLACE FUNCTION changefeed.only_ours() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF tg_op = 'TRUNCATE' THEN
    RAISE EXCEPTION 'TRUNCATE cannot change what belongs to the changefeeds of this database'
      USING ERRCODE = 'object_in_use', HINT = 'UNWATCH DATABASE gives all tables back when no changefeed needs them any more';
  END IF;
  IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = tg_relid), 'USAGE') THEN
    RAISE EXCEPTION 'only its owner writes to changefeed.%', tg_table_name USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER only_ours BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON changefeed.watched
  FOR EACH STATEMENT EXECUTE FUNCTION changefeed.only_ours();
CREATE OR REPLACE TRIGGER only_ours BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON changefeed.source
  FOR EACH STATEMENT EXECUTE FUNCTION changefeed.only_ours();
ALTER TABLE changefeed.watched ENABLE ALWAYS TRIGGER only_ours;
ALTER TABLE changefeed.source ENABLE ALWAYS TRIGGER only_ours;
