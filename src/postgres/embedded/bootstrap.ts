// Creates what a store needs before clients connect: the databases of the single node, and CockroachDB's functions in every database.
// template0 gets the functions as well, because createdb -T template0, pg_dump -C and pg_restore -C make databases from it. Every
// start checks each database and repairs what is missing.

import type { Logger } from 'pino'
import type { Installation } from '../backend.ts'
import type { PostgresServer } from '../source-connection.ts'
import { repairDatabases } from './repair-databases.ts'

export const systemDatabase = 'system'
export const defaultDatabase = 'defaultdb'
const databases = [defaultDatabase, systemDatabase] as const

const version = 'pg-changefeed functions 5'

// unique_rowid returns ticks of 10 µs since 2015-01-01, followed by 15 bits of a counter: two values are equal only if 32,768 values
// are drawn within one tick.
// cluster_logical_timestamp returns one timestamp for a whole transaction, which is earlier than everything that the transaction reads.
// So a changefeed with this timestamp as cursor emits every change that the read did not see.
// The bodies are given as parsed SQL, so that names are resolved here and once. The body of a function that is given as text is
// parsed for each caller, with the caller's search_path and temporary objects. The name of the counter is given as text, because
// a function that depends on the counter would be named in the refusal to drop it.
const functionsSql = `
SET allow_system_table_mods = on;
CREATE EXTENSION IF NOT EXISTS plpgsql;
CREATE SEQUENCE IF NOT EXISTS pg_catalog.unique_rowid_counter CYCLE;
GRANT USAGE ON SEQUENCE pg_catalog.unique_rowid_counter TO PUBLIC;
CREATE OR REPLACE FUNCTION pg_catalog.unique_rowid() RETURNS pg_catalog.int8 LANGUAGE sql VOLATILE
RETURN ((((extract(epoch FROM pg_catalog.clock_timestamp()) - 1420070400) * 100000)::pg_catalog.int8) << 15)
  | (pg_catalog.nextval('pg_catalog.unique_rowid_counter'::pg_catalog.text::pg_catalog.regclass) & 32767);
CREATE OR REPLACE FUNCTION pg_catalog.cluster_logical_timestamp() RETURNS numeric LANGUAGE sql STABLE
RETURN (extract(epoch FROM pg_catalog.transaction_timestamp()) * 1000000000)::numeric(38, 10);`

// In an earlier version the counter was a member of the extension plpgsql, so DROP EXTENSION removed it together with the defaults
// that use it. Now its privileges are recorded as initial privileges, which also keeps it out of dumps.
const notInDumpsSql = `
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = 'pg_catalog.unique_rowid_counter'::regclass AND deptype = 'e') THEN
    ALTER EXTENSION plpgsql DROP SEQUENCE pg_catalog.unique_rowid_counter;
  END IF;
END $$;
DELETE FROM pg_init_privs WHERE classoid = 'pg_class'::regclass AND objoid = 'pg_catalog.unique_rowid_counter'::regclass;
INSERT INTO pg_init_privs (objoid, classoid, objsubid, privtype, initprivs)
  SELECT oid, 'pg_class'::regclass, 0, 'i', relacl FROM pg_class WHERE oid = 'pg_catalog.unique_rowid_counter'::regclass;`

// Writes of applications and all that we install need these. PostgreSQL never drops a catalogue of its own, so it refuses,
// with and without CASCADE, to drop what one depends on. `server/explain/explain-refusal.ts` knows which catalogue stands for what.
const neededSql = `(
  SELECT 'pg_extension'::regclass AS keeper, 'pg_extension'::regclass AS class, oid FROM pg_extension WHERE extname = 'plpgsql'
  UNION ALL SELECT 'pg_sequence'::regclass, 'pg_class'::regclass, to_regclass('pg_catalog.unique_rowid_counter')
  UNION ALL SELECT 'pg_proc'::regclass, 'pg_proc'::regclass, to_regprocedure('pg_catalog.unique_rowid()')
  UNION ALL SELECT 'pg_proc'::regclass, 'pg_proc'::regclass, to_regprocedure('pg_catalog.cluster_logical_timestamp()')
) AS needed`
const isKeptSql = `EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = needed.keeper
  AND refclassid = needed.class AND refobjid = needed.oid)`
const keepSql = `
INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
  SELECT 'pg_class'::regclass, keeper, 0, class, oid, 0, 'n' FROM ${neededSql} WHERE NOT ${isKeptSql};`

const functions: Installation = {
  isCompleteSql: `SELECT obj_description(to_regprocedure('pg_catalog.unique_rowid()'), 'pg_proc') IS NOT DISTINCT FROM '${version}'
    AND (SELECT count(*) = 4 FROM ${neededSql} WHERE ${isKeptSql})`,
  sql: `${functionsSql}${notInDumpsSql}${keepSql} COMMENT ON FUNCTION pg_catalog.unique_rowid() IS '${version}'`,
}

export interface BootstrapOptions {
  /** Whether the store is new, so that nobody can have changed template0 since a bootstrap of this version. */
  readonly isNew: boolean
  readonly log: Logger
}

export const bootstrapVersion = '5'

export async function bootstrap(server: PostgresServer, { isNew, log }: BootstrapOptions): Promise<void> {
  await repairDatabases(server, functions, { log, databases: isNew ? databases : [], hasTemplate: isNew })
}
