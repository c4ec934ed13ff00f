-- The event triggers. The comment on each is the transaction that wrote its row in the catalogue: ALTER EVENT TRIGGER, even if it
-- is undone, writes the row again, and so it is seen that an event trigger was not at work for a time.
--
-- Rights: superuser.

DO $$
DECLARE e record;
BEGIN
  FOR e IN SELECT * FROM (VALUES
      ('pg_changefeed_ddl', 'ddl_command_end', 'on_ddl', ''),
      ('pg_changefeed_drop', 'sql_drop', 'on_ddl', ''),
      ('pg_changefeed_rewrite', 'table_rewrite', 'on_rewrite', ''),
      ('pg_changefeed_publication', 'ddl_command_end', 'on_publication', 'WHEN TAG IN (''CREATE PUBLICATION'', ''ALTER PUBLICATION'')'),
      ('pg_changefeed_publication_drop', 'sql_drop', 'on_publication', 'WHEN TAG IN (''ALTER PUBLICATION'', ''DROP PUBLICATION'', ''DROP OWNED'')')
    ) AS v (name, event, function, condition) LOOP
    EXECUTE format('CREATE EVENT TRIGGER %I ON %s %s EXECUTE FUNCTION changefeed.%I()', e.name, e.event, e.condition, e.function);
    -- ALWAYS: also when session_replication_role is 'replica', because a restore changes tables, too.
    EXECUTE format('ALTER EVENT TRIGGER %I ENABLE ALWAYS', e.name);
    EXECUTE format('COMMENT ON EVENT TRIGGER %I IS %L', e.name, (SELECT xmin::text FROM pg_event_trigger WHERE evtname = e.name));
  END LOOP;
END $$;
