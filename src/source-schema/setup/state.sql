-- Jobs, settings and privileges of changefeeds are tables in a schema that belongs to the role.
DO $$
DECLARE stranger record;
BEGIN
  -- A server does not start on jobs and settings of another role.
  IF to_regnamespace('changefeed_state') IS NOT NULL THEN
    SELECT * INTO stranger FROM :(stranger) AS s(what, owner);
    IF FOUND THEN
      RAISE EXCEPTION '% in database "%" belongs to role %, so a server that logs in as % does not start', stranger.what, current_database(), quote_ident(stranger.owner), quote_ident(:'role')
        USING HINT = format('changefeed uninstall as %I or a superuser removes jobs and settings that nobody needs any more; or keep them in another database: changefeed setup-sql --system-url', stranger.owner);
    END IF;
  END IF;
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
