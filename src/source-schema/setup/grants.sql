-- The first scan of a changefeed reads the tables as every client does. A scan reads partitions one by one.
DO $$
DECLARE target regclass; part regclass; schema name;
BEGIN
  FOREACH target IN ARRAY :(tables) LOOP
    FOR part, schema IN SELECT c.oid, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = target OR c.oid IN (SELECT relid FROM pg_partition_tree(target)) LOOP
      IF NOT has_schema_privilege(:'role', schema, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', schema, :'role');
        -- Where somebody may not grant, PostgreSQL only warns.
        IF NOT has_schema_privilege(:'role', schema, 'USAGE') THEN
          RAISE EXCEPTION 'role % may not grant USAGE on schema %: nothing was changed', quote_ident(current_user), quote_ident(schema)
            USING ERRCODE = '42501', HINT = format('its owner or a superuser runs: GRANT USAGE ON SCHEMA %I TO %I; and then this script prepares the rest', schema, :'role');
        END IF;
        PERFORM set_config('changefeed.undo', current_setting('changefeed.undo') || format(E'REVOKE USAGE ON SCHEMA %I FROM %I;\n', schema, :'role'), true);
      END IF;
      IF NOT has_table_privilege(:'role', part, 'SELECT') THEN
        EXECUTE format('GRANT SELECT ON %s TO %I', part, :'role');
        IF NOT has_table_privilege(:'role', part, 'SELECT') THEN
          RAISE EXCEPTION 'role % may not grant SELECT on table %: nothing was changed', quote_ident(current_user), part
            USING ERRCODE = '42501', HINT = format('its owner or a superuser runs: GRANT SELECT ON %s TO %I; and then this script prepares the rest', part, :'role');
        END IF;
        PERFORM set_config('changefeed.undo', current_setting('changefeed.undo') || format(E'REVOKE SELECT ON %s FROM %I;\n', part, :'role'), true);
      END IF;
    END LOOP;
  END LOOP;
END $$;
