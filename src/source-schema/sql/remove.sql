-- Removes everything that we have installed, after release.sql. An object of somebody else stays, and then the schema stays, too.
--
-- Rights: superuser, for the event triggers.

DO $$
DECLARE o record;
BEGIN
  FOR o IN SELECT evtname FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
      WHERE evtname = ANY (:'event_triggers'::name[]) AND pronamespace = to_regnamespace('changefeed') LOOP
    EXECUTE format('DROP EVENT TRIGGER %I', o.evtname);
  END LOOP;
  IF EXISTS (SELECT FROM pg_publication p WHERE p.pubname = :'publication' AND :(publication_is_ours)) THEN
    DROP PUBLICATION :"publication";
  END IF;
  IF NOT :(schema_is_ours) THEN RETURN; END IF;
  FOR o IN SELECT c.oid::regclass::text AS name FROM pg_class c
      WHERE relnamespace = 'changefeed'::regnamespace AND relkind = 'r' AND relname = ANY (:'tables'::name[]) LOOP
    EXECUTE 'DROP TABLE ' || o.name;
  END LOOP;
  FOR o IN SELECT p.oid::regprocedure::text AS name FROM pg_proc p
      WHERE pronamespace = 'changefeed'::regnamespace AND proname = ANY (:'functions'::name[]) LOOP
    EXECUTE 'DROP FUNCTION ' || o.name;
  END LOOP;
  BEGIN
    DROP SCHEMA changefeed;
  EXCEPTION WHEN dependent_objects_still_exist THEN
    -- The schema belongs to the others from now on.
    COMMENT ON SCHEMA changefeed IS NULL;
  END;
END $$;
