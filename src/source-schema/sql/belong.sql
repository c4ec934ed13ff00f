-- What we keep in a database is not the user's, and belongs in no dump of the database: restored elsewhere, the event triggers and
-- the list of watched tables would speak of what is not there. PostgreSQL leaves out of dumps, with rows and privileges, what
-- belongs to an extension that initdb has created, and plpgsql is one. It also refuses to drop such objects one by one. A
-- publication cannot belong to an extension; src/server/statements/dump-query.ts keeps ours out of dumps.
--
-- Only the objects that we name are added: an application may keep something of its own beside them.
--
-- Rights: any role. Only the owner of the extension, which is a superuser, may add anything to it; without that dumps contain it.

DO $$
DECLARE o record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'plpgsql' AND pg_has_role(extowner, 'USAGE')) THEN RETURN; END IF;
  FOR o IN SELECT i.type, i.identity FROM (
        SELECT 'pg_namespace'::regclass AS class, oid FROM pg_namespace WHERE nspname = 'changefeed'
        UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class
          WHERE relnamespace = 'changefeed'::regnamespace AND relkind = 'r' AND relname = ANY (:'tables'::name[])
        UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
          WHERE pronamespace = 'changefeed'::regnamespace AND proname = ANY (:'functions'::name[])
        UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger WHERE evtname = ANY (:'event_triggers'::name[])
      ) AS ours, LATERAL pg_identify_object(ours.class, ours.oid, 0) i LOOP
    EXECUTE format('ALTER EXTENSION plpgsql ADD %s %s', o.type, o.identity);
  END LOOP;
END $$;
