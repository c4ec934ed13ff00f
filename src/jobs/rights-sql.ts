// Who may create, see and control jobs, as conditions over PostgreSQL's roles. Members of a role have its rights as far as they
// inherit them.
//
//   superusers, admin        everything. So may the role of a server that is attached to somebody else's PostgreSQL
//   changefeed               create jobs with a sink on tables that they may SELECT from; CONTROLCHANGEFEED
//   controljob               see and control the jobs of everybody but admins; CONTROLJOB
//   viewjob                  see all jobs; VIEWJOB
//   the job's user, and who is a member of it: see and control the job
//   pg_read_all_stats        see what everybody runs; VIEWACTIVITY. PostgreSQL's own role, and admin is a member
//   pg_signal_backend        cancel what everybody but superusers runs; CANCELQUERY. The same
//
// Roles are the cluster's, and one of these names may have been somebody's before. In a PostgreSQL of our own those with our comment
// count. In somebody else's a comment proves nothing, because everybody with CREATEROLE can make such a role: there only those count
// whose oids stand in the table group_roles of our state, and admin never does.

import { quoteString } from '../core/quote.ts'

const comment = 'pg-changefeed: '

const roles: readonly (readonly [name: string, what: string])[] = [
  ['changefeed', 'may create changefeeds with a sink'],
  ['controljob', 'may control the jobs of all but admins'],
  ['viewjob', 'may see all jobs'],
  ['admin', 'may do with changefeeds and jobs what superusers may'],
]

/** Conditions in SQL over the roles of the server. Their arguments are SQL expressions of names of roles, without the aliases m, o and r. */
export interface RightsSql {
  /** Whether `member` has the rights of one of the roles above. */
  readonly hasRole: (member: string, role: string) => string
  readonly isAdmin: (member: string) => string
  /** Whether `member` may control the jobs of `owner`. */
  readonly mayControl: (member: string, owner: string) => string
  /** Whether `member` may see the jobs of `owner`. */
  readonly maySee: (member: string, owner: string) => string
}

/** What is different in a PostgreSQL that is somebody else's. */
export interface AttachedRoles {
  /** The role of the server itself, which is an admin even where it is no superuser. */
  readonly operator: string
  /** The oids of the roles that count. */
  readonly counted: readonly string[]
}

/** `attached`: undefined in a PostgreSQL of our own. */
export function rightsSql(attached?: AttachedRoles): RightsSql {
  const hasRole = (member: string, role: string): string =>
    `EXISTS (SELECT FROM pg_catalog.pg_roles r, pg_catalog.pg_roles m WHERE r.rolname = ${role} AND m.rolname = ${member}
      AND ${ourRoleSql(attached)} AND pg_catalog.pg_has_role(m.oid, r.oid, 'USAGE'))`
  const isOperator = attached === undefined ? '' : ` OR ${quoteString(attached.operator)} = `
  const isAdmin = (member: string): string =>
    `(EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${member} AND rolsuper)${isOperator && isOperator + member}
      OR ${hasRole(member, "'admin'")})`
  const mayControl = (member: string, owner: string): string =>
    `(${member} = ${owner} OR ${isAdmin(member)}
      OR (${hasRole(member, "'controljob'")} AND NOT ${isAdmin(owner)})
      OR EXISTS (SELECT FROM pg_catalog.pg_roles m, pg_catalog.pg_roles o WHERE m.rolname = ${member} AND o.rolname = ${owner}
        AND pg_catalog.pg_has_role(m.oid, o.oid, 'USAGE')))`
  const maySee = (member: string, owner: string): string =>
    `(${mayControl(member, owner)} OR ${hasRole(member, "'viewjob'")})`
  return { hasRole, isAdmin, mayControl, maySee }
}

/** A condition over `pg_roles r`: the role counts. */
export function ourRoleSql(attached?: AttachedRoles): string {
  if (attached === undefined) return `pg_catalog.shobj_description(r.oid, 'pg_authid') LIKE '${comment}%'`
  return `(r.rolname <> 'admin' AND r.oid = ANY ('{${attached.counted.join()}}'::pg_catalog.oid[]))`
}

/** Makes the roles in a PostgreSQL of somebody else, and says what makes them count. May run again. */
export const attachedRolesSql = `
DO $body$
DECLARE line text;
BEGIN
  ${roles
    .filter(([name]) => name !== 'admin')
    .map(
      ([name, what]) => `IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '${name}') THEN
    CREATE ROLE ${name} NOLOGIN;
    COMMENT ON ROLE ${name} IS '${comment}${what}';
  ELSE
    RAISE WARNING 'role ${name} was there before: look who is a member of it and who may grant it before you let it count';
  END IF;`,
    )
    .join('\n  ')}
  SELECT string_agg('(' || oid || ')', ', ' ORDER BY rolname) INTO line FROM pg_catalog.pg_roles WHERE rolname IN ('changefeed', 'controljob', 'viewjob');
  RAISE NOTICE 'the roles count once the server has started and somebody who may write there has run this in the database of its state: INSERT INTO changefeed_state.group_roles (role) VALUES % ON CONFLICT DO NOTHING;', line;
END
$body$;`

/** The statements that make one of the roles; undefined if it is none of ours. */
export function roleStatements(role: string): string | undefined {
  const what = roles.find(([name]) => name === role)?.[1]
  return what === undefined ? undefined : `CREATE ROLE ${role} NOLOGIN; COMMENT ON ROLE ${role} IS '${comment}${what}';`
}

/** Creates the roles, in a PostgreSQL of our own. Idempotent. */
export const rolesSql = `
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
$body$;`

/** The functions that the view of jobs calls, in the system database of a PostgreSQL of our own. Idempotent. */
export const viewFunctionsSql = `
CREATE SCHEMA IF NOT EXISTS changefeed;
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
  SELECT ${rightsSql().maySee('member', 'owner')}
$body$;
${['has_role(text, text)', 'is_admin(text)', 'may_control(text, text)'].map((name) => `DROP FUNCTION IF EXISTS changefeed.${name};`).join('\n')}`
