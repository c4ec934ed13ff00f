-- The schema of everything that we install in a database. Only its owner may use it.
--
-- Rights: CREATE on the database.

DO $$ BEGIN
  -- This is not IF NOT EXISTS: a schema that somebody has created since we looked is theirs.
  IF to_regnamespace('changefeed') IS NULL THEN CREATE SCHEMA changefeed; END IF;
END $$;
REVOKE ALL ON SCHEMA changefeed FROM PUBLIC;

-- Until the end of the transaction our event triggers treat its commands as ours.
SELECT set_config('changefeed.internal', 'on', true);
