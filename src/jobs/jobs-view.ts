// `crdb_internal.jobs` in every database, as a view under any SELECT. PostgreSQL sees one database at a time, so the view
// reads the table of the system database through dblink, over the address at which its own server listens. Who sees which
// job: rights-sql.ts. The role is the one that SET ROLE says, as in the rest of the server. The view belongs to
// an extension that initdb has made, so that no dump holds it.

import type { Backend, Installation, OwnPostgres } from '../postgres/backend.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import { jobColumns, shown } from './job-columns.ts'
import { isUnfinished } from './job-table.ts'
import { rolesSql, viewFunctionsSql } from './rights-sql.ts'

export const jobsView = 'crdb_internal.jobs'

/** Kept as a comment on the schema in every database; in the system database also for what template0 has. */
const version = 'jobs view 7'

/** The types are qualified, because PostgreSQL looks them up with the search_path of the session that reads the view. */
const typed = jobColumns.map(({ name, type }) => `${name} pg_catalog.${type}`).join(', ')
/** The text is converted to the encoding of the reading database, because PostgreSQL refuses a whole result for one character that it lacks. */
const selected = jobColumns
  .map(({ name, type, from }) => `${type === 'text' ? `changefeed.text_in(${from}, %2$L)` : from} AS ${name}`)
  .join(', ')

/** Options of the connection, so that settings of the system database or of the role do not change the result. */
const sessionOptions =
  '-c statement_timeout=0 -c transaction_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0 -c role=none -c search_path=pg_catalog,pg_temp'

export interface ViewBackend extends Pick<Backend, 'source'> {
  readonly own: OwnPostgres
}

const installSql = ({
  source,
  own: { systemDatabase, itselfSql },
}: ViewBackend): string => `SET client_min_messages = warning;
DO $do$ DECLARE squatter text := (SELECT nspowner::text FROM pg_namespace n JOIN pg_roles r ON r.oid = nspowner
    WHERE nspname = 'crdb_internal' AND NOT rolsuper); BEGIN
  -- Whoever owns the schema could put a view of their own in the place of ours, which superusers read, too. Theirs is kept.
  IF squatter IS NOT NULL THEN EXECUTE format('ALTER SCHEMA crdb_internal RENAME TO %I', 'crdb_internal_' || squatter); END IF;
END $do$;
CREATE SCHEMA IF NOT EXISTS crdb_internal;
GRANT USAGE ON SCHEMA crdb_internal TO PUBLIC;
DO $do$ BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'dblink' AND extnamespace = 'crdb_internal'::regnamespace) THEN
    DROP EXTENSION dblink;
  END IF;
EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
END $do$;
CREATE OR REPLACE FUNCTION crdb_internal.dblink(text, text) RETURNS SETOF record
  LANGUAGE c STRICT PARALLEL RESTRICTED AS '$libdir/dblink', 'dblink_record';
REVOKE ALL ON FUNCTION crdb_internal.dblink(text, text) FROM PUBLIC;
CREATE OR REPLACE FUNCTION crdb_internal.read_jobs() RETURNS TABLE (${typed}) LANGUAGE sql VOLATILE SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $body$
  SELECT * FROM crdb_internal.dblink(
    format($conninfo$dbname=${systemDatabase} user=${source.user} application_name=pg-changefeed-jobs options='${sessionOptions}' host=%s port=%s$conninfo$,
      ${itselfSql.host}, ${itselfSql.port}),
    format($query$SELECT ${selected} FROM changefeed.jobs WHERE changefeed.may_see(%1$L, user_name)$query$,
      coalesce(nullif(current_setting('role'), 'none'), session_user), getdatabaseencoding())) AS jobs (${typed})
$body$;
CREATE OR REPLACE VIEW crdb_internal.jobs AS SELECT * FROM crdb_internal.read_jobs();
GRANT SELECT ON crdb_internal.jobs TO PUBLIC;
CREATE OR REPLACE FUNCTION crdb_internal.jobs_when_complete(ids int8[]) RETURNS SETOF crdb_internal.jobs
  LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $body$
  DECLARE started timestamptz := clock_timestamp();
  BEGIN
    WHILE EXISTS (SELECT FROM crdb_internal.jobs WHERE job_id = ANY (ids) AND ${isUnfinished}) LOOP
      IF clock_timestamp() - started > interval '24 hours' THEN
        RAISE EXCEPTION 'the jobs are not complete after 24 hours' USING ERRCODE = '57014';
      END IF;
      PERFORM pg_catalog.pg_sleep(0.25);
    END LOOP;
    RETURN QUERY SELECT * FROM crdb_internal.jobs WHERE job_id = ANY (ids);
  END
$body$;
DO $do$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_depend WHERE objid = 'crdb_internal'::regnamespace AND deptype = 'e')
    AND EXISTS (SELECT FROM pg_extension WHERE extname = 'plpgsql') THEN
    ALTER EXTENSION plpgsql ADD SCHEMA crdb_internal;
    ALTER EXTENSION plpgsql ADD FUNCTION crdb_internal.dblink(text, text);
    ALTER EXTENSION plpgsql ADD FUNCTION crdb_internal.read_jobs();
    ALTER EXTENSION plpgsql ADD VIEW crdb_internal.jobs;
    ALTER EXTENSION plpgsql ADD FUNCTION crdb_internal.jobs_when_complete(int8[]);
  END IF;
END $do$;
COMMENT ON SCHEMA crdb_internal IS '${version}'`

const view = (backend: ViewBackend): Installation => ({
  isCompleteSql: `SELECT obj_description(to_regnamespace('crdb_internal'), 'pg_namespace') IS NOT DISTINCT FROM '${version}'
    AND (SELECT rolsuper FROM pg_namespace JOIN pg_roles r ON r.oid = nspowner WHERE nspname = 'crdb_internal')
    AND to_regclass('crdb_internal.jobs') IS NOT NULL AND to_regprocedure('crdb_internal.jobs_when_complete(int8[])') IS NOT NULL
    AND to_regprocedure('crdb_internal.read_jobs()') IS NOT NULL AND to_regprocedure('crdb_internal.dblink(text, text)') IS NOT NULL`,
  sql: installSql(backend),
})

/** Creates the roles, and the view in every database of a server that lacks it, and in those from which future databases are made. */
export async function installJobsView(backend: ViewBackend): Promise<void> {
  const { source, own } = backend
  await using system = await openRawConnection({ source: { ...source, database: own.systemDatabase } })
  await system.query(`SET client_min_messages = warning; ${rolesSql} ${viewFunctionsSql}`)
  const [done] = await system.query(`SELECT obj_description('changefeed.jobs'::regclass)`)
  const inTemplates = done?.[0] !== version
  await own.install(view(backend), { inTemplates })
  if (inTemplates) await system.query(`COMMENT ON TABLE changefeed.jobs IS '${version}'`)
}

/** SHOW JOB(S) WHEN COMPLETE. */
export function showJobsWhenCompleteSql(ids: string): string {
  return `SELECT ${shown} FROM crdb_internal.jobs_when_complete(ARRAY(SELECT * FROM (${ids}) AS asked)::int8[]) ORDER BY finished, started`
}
