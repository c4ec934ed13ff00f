-- PostgreSQL 16 and later: lets the role have a record of the running transactions written, which makes catching up cheaper.
DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 160000 THEN
    IF NOT has_function_privilege(:'role', 'pg_catalog.pg_log_standby_snapshot()', 'EXECUTE') THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION pg_catalog.pg_log_standby_snapshot() TO %I', :'role');
      PERFORM set_config('changefeed.undo', current_setting('changefeed.undo') || format(E'REVOKE EXECUTE ON FUNCTION pg_catalog.pg_log_standby_snapshot() FROM %I;\n', :'role'), true);
    END IF;
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'changefeeds do without pg_log_standby_snapshot(): only a superuser may grant it';
END $$;
