-- Refuses a database in which a later version of pg-changefeed has installed a later version of the schema. An older program
-- that replaced it would not know what its tables and functions mean. Nothing is changed then.
--
-- Rights: any role.

DO $$
DECLARE
  installed int := (SELECT :(installed_version));
BEGIN
  IF installed > :'version'::int AND :(schema_is_ours) THEN
    RAISE EXCEPTION 'database "%" has version % of the schema that pg-changefeed installs in a database, and this pg-changefeed knows only versions up to %', current_database(), installed, :'version'::int
      USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'A later pg-changefeed has installed it. Nothing was changed.',
        HINT = 'Use the later pg-changefeed with this database. Or let the later one remove its schema, UNWATCH DATABASE, when no changefeed needs it any more; this one then installs its own.';
  END IF;
END $$;
