-- Jobs, settings and privileges of changefeeds are tables in a schema that belongs to the role.
DO $$
DECLARE
  stranger record;
  -- Grants of the bootstrap superuser (PostgreSQL 16 and later make one with each role) are not changed by ours.
  is_granted CONSTANT boolean := EXISTS (SELECT FROM pg_auth_members WHERE roleid = to_regrole(quote_ident(:'role')) AND member = current_user::regrole AND grantor <> 10);
BEGIN
  IF to_regnamespace('changefeed_state') IS NULL THEN
    BEGIN
      CREATE SCHEMA changefeed_state AUTHORIZATION :"role";
    EXCEPTION WHEN insufficient_privilege THEN
      -- Only a member of a role may make something belong to it. Who may make roles becomes one for this statement.
      BEGIN
        IF is_granted THEN RAISE insufficient_privilege; END IF;
        EXECUTE format('GRANT %I TO CURRENT_USER', :'role') || CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH SET TRUE' ELSE '' END;
        CREATE SCHEMA changefeed_state AUTHORIZATION :"role";
        EXECUTE format('REVOKE %I FROM CURRENT_USER', :'role');
      EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation THEN
        CREATE SCHEMA changefeed_state;
      END;
    END;
    PERFORM set_config('changefeed.undo', current_setting('changefeed.undo') || E'DROP SCHEMA IF EXISTS changefeed_state;\n', true);
  END IF;
  -- A server does not start on jobs and settings of another role, nor in a schema whose owner would get rights of the role by that.
  SELECT * INTO stranger FROM :(stranger) AS s(what, owner);
  IF FOUND AND stranger.what = 'schema changefeed_state' THEN
    RAISE EXCEPTION 'schema changefeed_state in database "%" would belong to role %, so a server that logs in as % would not start: nothing was changed', current_database(), quote_ident(stranger.owner), quote_ident(:'role')
      USING HINT = format('a superuser runs: CREATE SCHEMA IF NOT EXISTS changefeed_state; ALTER SCHEMA changefeed_state OWNER TO %I; and then this script prepares the rest. Or keep jobs and settings in another database: changefeed setup-sql --system-url', :'role');
  ELSIF FOUND THEN
    RAISE EXCEPTION '% in database "%" belongs to role %, so a server that logs in as % does not start', stranger.what, current_database(), quote_ident(stranger.owner), quote_ident(:'role')
      USING HINT = format('changefeed uninstall as %I or a superuser removes jobs and settings that nobody needs any more; or keep them in another database: changefeed setup-sql --system-url', stranger.owner);
  END IF;
  IF NOT (has_schema_privilege(:'role', 'changefeed_state', 'USAGE') AND has_schema_privilege(:'role', 'changefeed_state', 'CREATE')) THEN
    BEGIN
      GRANT USAGE, CREATE ON SCHEMA changefeed_state TO :"role";
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    -- Where nothing may be granted, PostgreSQL only warns.
    IF NOT (has_schema_privilege(:'role', 'changefeed_state', 'USAGE') AND has_schema_privilege(:'role', 'changefeed_state', 'CREATE')) THEN
      RAISE EXCEPTION 'role % may not use schema changefeed_state in database "%", and % may not grant it: nothing was changed', quote_ident(:'role'), current_database(), quote_ident(current_user)
        USING HINT = format('its owner or a superuser runs: GRANT USAGE, CREATE ON SCHEMA changefeed_state TO %I; and then this script prepares the rest', :'role');
    END IF;
  END IF;
END $$;
