-- The role that changefeeds log in with. REPLICATION lets it read the write-ahead log: all changes of the tables that a publication
-- has, also past row-level security. It has no password yet. Set one with psql's \password, which shows it in no file and no log:
--   \password :"role"
DO $$ BEGIN
  -- What the script does is noted in the comment on the publication, as statements that undo it.
  PERFORM set_config('changefeed.undo', '', true);
  IF current_database() <> :'database' THEN
    RAISE EXCEPTION 'this script is for database "%", and runs in database "%"', :'database', current_database();
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') THEN
    CREATE ROLE :"role" LOGIN;
    PERFORM set_config('changefeed.undo', format(E'DROP OWNED BY %I; DROP ROLE %1$I;\n', :'role'), true);
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = :'role' AND NOT rolcanlogin) THEN
    ALTER ROLE :"role" LOGIN;
    PERFORM set_config('changefeed.undo', format(E'ALTER ROLE %I NOLOGIN;\n', :'role'), true);
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = :'role' AND NOT rolreplication AND NOT rolsuper) THEN
    BEGIN
      ALTER ROLE :"role" REPLICATION;
      IF current_setting('changefeed.undo') NOT LIKE 'DROP OWNED%' THEN
        PERFORM set_config('changefeed.undo', current_setting('changefeed.undo') || format(E'ALTER ROLE %I NOREPLICATION;\n', :'role'), true);
      END IF;
    EXCEPTION WHEN insufficient_privilege THEN
      -- Some providers give this right by membership in a role of theirs.
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_replication') THEN
        RAISE EXCEPTION 'role % may not give role % the right to replicate: nothing was changed', quote_ident(current_user), quote_ident(:'role')
          USING ERRCODE = '42501', HINT = format('a superuser runs: %sALTER ROLE %I REPLICATION; and then this script prepares the rest. From PostgreSQL 16 on a role that has CREATEROLE and REPLICATION itself may also run the script',
            CASE WHEN current_setting('changefeed.undo') LIKE 'DROP OWNED%' THEN format('CREATE ROLE %I LOGIN; ', :'role') ELSE '' END, :'role');
      END IF;
      GRANT rds_replication TO :"role";
    END;
  END IF;
  IF current_setting('wal_level') <> 'logical' THEN
    RAISE WARNING 'wal_level is %, and changefeeds need logical: ALTER SYSTEM SET wal_level = logical, or the parameter of your provider, and a restart', current_setting('wal_level');
  END IF;
END $$;
