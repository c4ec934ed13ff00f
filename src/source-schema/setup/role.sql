-- The role that changefeeds log in with. REPLICATION lets it read the write-ahead log: all changes of the tables that a publication
-- has, also past row-level security. It has no password yet. Set one with psql's \password, which shows it in no file and no log:
--   \password :"role"
DO $$ BEGIN
  IF current_database() <> :'database' THEN
    RAISE EXCEPTION 'this script is for database "%", and runs in database "%"', :'database', current_database();
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') THEN
    CREATE ROLE :"role" LOGIN;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = :'role' AND NOT rolcanlogin) THEN
    ALTER ROLE :"role" LOGIN;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = :'role' AND NOT rolreplication AND NOT rolsuper) THEN
    BEGIN
      ALTER ROLE :"role" REPLICATION;
    EXCEPTION WHEN insufficient_privilege THEN
      -- Some providers give this right by membership in a role of theirs.
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rds_replication') THEN RAISE; END IF;
      GRANT rds_replication TO :"role";
    END;
  END IF;
  IF current_setting('wal_level') <> 'logical' THEN
    RAISE WARNING 'wal_level is %, and changefeeds need logical: ALTER SYSTEM SET wal_level = logical, or the parameter of your provider, and a restart', current_setting('wal_level');
  END IF;
END $$;
