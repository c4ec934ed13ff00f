// Who may create, see and control jobs, as functions of the system database over PostgreSQL's roles. Members of a role
// have its rights as far as they inherit them.
//
//   superusers, admin        everything
//   changefeed               create jobs with a sink on tables that they may SELECT from; CONTROLCHANGEFEED
//   controljob               see and control the jobs of everybody but admins; CONTROLJOB
//   viewjob                  see all jobs; VIEWJOB
//   the job's user, and who is a member of it: see and control the job
//   pg_read_all_stats        see what everybody runs; VIEWACTIVITY. PostgreSQL's own role, and admin is a member
//   pg_signal_backend        cancel what everybody but superusers runs; CANCELQUERY. The same
//
// Roles are the cluster's, and one of these names may have been somebody's before: only those with our comment count.

const comment = 'pg-changefeed: '

const roles: readonly (readonly [name: string, what: string])[] = [
  ['changefeed', 'may create changefeeds with a sink'],
  ['controljob', 'may control the jobs of all but admins'],
  ['viewjob', 'may see all jobs'],
  ['admin', 'may do with changefeeds and jobs what superusers may'],
]

/** Idempotent. A table privilege is of oids, so that it follows renames; 0 is PUBLIC. */
export const rightsSql = `
DO $body$
BEGIN
  ${roles
    .map(
      ([name, what]) => `IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '${name}') THEN
    CREATE ROLE ${name} NOLOGIN;
    COMMENT ON ROLE ${name} IS '${comment}${what}';
  END IF;`,
    )
    .join('\n  ')}
  IF (SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname IN (${roles.map(([name]) => `'${name}'`).join(', ')})
      AND pg_catalog.shobj_description(oid, 'pg_authid') LIKE '${comment}%') = ${roles.length}
    AND NOT pg_catalog.pg_has_role('admin', 'changefeed', 'MEMBER WITH ADMIN OPTION') THEN
    GRANT changefeed, controljob, viewjob TO admin WITH ADMIN OPTION;
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'admin'
      AND pg_catalog.shobj_description(oid, 'pg_authid') LIKE '${comment}%')
    AND NOT pg_catalog.pg_has_role('admin', 'pg_signal_backend', 'MEMBER WITH ADMIN OPTION') THEN
    GRANT pg_read_all_stats, pg_signal_backend TO admin WITH ADMIN OPTION;
  END IF;
END
$body$;
CREATE SCHEMA IF NOT EXISTS changefeed;
CREATE TABLE IF NOT EXISTS changefeed.table_privileges (
  database oid NOT NULL, relation oid NOT NULL, grantee oid NOT NULL, PRIMARY KEY (database, relation, grantee)
);
CREATE OR REPLACE FUNCTION changefeed.has_role(member text, role text) RETURNS bool LANGUAGE sql STABLE
  SET search_path = pg_catalog, pg_temp AS $body$
  SELECT EXISTS (SELECT FROM pg_roles r, pg_roles m WHERE r.rolname = role AND m.rolname = member
    AND shobj_description(r.oid, 'pg_authid') LIKE '${comment}%' AND pg_has_role(m.oid, r.oid, 'USAGE'))
$body$;
CREATE OR REPLACE FUNCTION changefeed.is_admin(member text) RETURNS bool LANGUAGE sql STABLE
  SET search_path = pg_catalog, pg_temp AS $body$
  SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = member AND rolsuper) OR changefeed.has_role(member, 'admin')
$body$;
CREATE OR REPLACE FUNCTION changefeed.may_control(member text, owner text) RETURNS bool LANGUAGE sql STABLE
  SET search_path = pg_catalog, pg_temp AS $body$
  SELECT member = owner OR changefeed.is_admin(member)
    OR (changefeed.has_role(member, 'controljob') AND NOT changefeed.is_admin(owner))
    OR EXISTS (SELECT FROM pg_roles m, pg_roles o WHERE m.rolname = member AND o.rolname = owner AND pg_has_role(m.oid, o.oid, 'USAGE'))
$body$;
CREATE OR REPLACE FUNCTION changefeed.text_in(t text, encoding name) RETURNS text LANGUAGE plpgsql IMMUTABLE
  SET search_path = pg_catalog, pg_temp AS $body$
  BEGIN
    IF t ~ '^[\\x01-\\x7f]*$' OR encoding IN ('UTF8', 'SQL_ASCII') THEN RETURN t; END IF;
    PERFORM convert_to(t, encoding);
    RETURN t;
  EXCEPTION WHEN untranslatable_character THEN
    RETURN regexp_replace(t, '[^\\x01-\\x7f]', '?', 'g');
  END
$body$;
CREATE OR REPLACE FUNCTION changefeed.may_see(member text, owner text) RETURNS bool LANGUAGE sql STABLE
  SET search_path = pg_catalog, pg_temp AS $body$
  SELECT changefeed.may_control(member, owner) OR changefeed.has_role(member, 'viewjob')
$body$;`
