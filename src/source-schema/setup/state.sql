-- Jobs, settings and privileges of changefeeds are tables in a schema that belongs to the role.
DO $$ BEGIN
  IF to_regnamespace('changefeed_state') IS NULL THEN
    BEGIN
      CREATE SCHEMA changefeed_state AUTHORIZATION :"role";
    EXCEPTION WHEN insufficient_privilege THEN
      -- Only a member of a role may make something belong to it.
      CREATE SCHEMA changefeed_state;
      GRANT USAGE, CREATE ON SCHEMA changefeed_state TO :"role";
    END;
    PERFORM set_config('changefeed.undo', current_setting('changefeed.undo') || E'DROP SCHEMA IF EXISTS changefeed_state;\n', true);
  ELSIF NOT (has_schema_privilege(:'role', 'changefeed_state', 'USAGE') AND has_schema_privilege(:'role', 'changefeed_state', 'CREATE')) THEN
    GRANT USAGE, CREATE ON SCHEMA changefeed_state TO :"role";
  END IF;
END $$;
