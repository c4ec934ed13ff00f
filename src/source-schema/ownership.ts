// Conditions in SQL that say to whom the objects belong that have our names in a database. An application may have a schema
// `changefeed` of its own, and the owner of a database, who is no superuser, may have made one on purpose: what we run in it
// would then do what that owner likes, with our rights. So nothing is taken over from anybody (sql/refuse-others.sql), and
// nothing is removed that is not known to be ours.
//
// Our schema belongs to a superuser, or to our own role, and has the mark that sql/mark.sql writes, or belongs to plpgsql as sql/belong.sql makes it.
// Nobody else can bring about either.

import { preparedMark, publication, publicationMark } from './names.ts'
import { isMarkSql } from './version.ts'

/**
 * A condition over `pg_roles r`: what belongs to this role is ours. On most servers that is a superuser. Where a provider lets other
 * roles create event triggers, it is our own role, or one of which it is a member.
 */
export const roleIsOurs = `(r.rolsuper OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND pg_has_role(r.oid, 'USAGE'))`

/**
 * A condition, also in a function of ours: who logged in is the owner of our schema, and may speak for us. A superuser may rename the
 * schema in the same command.
 */
export const sessionIsOurs = `coalesce(pg_has_role(session_user, (SELECT nspowner FROM pg_namespace WHERE nspname = 'changefeed'), 'USAGE'),
  (SELECT rolsuper FROM pg_roles WHERE rolname = session_user))`

const isMember = `EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'plpgsql')`

/** A condition: the schema exists and is ours. */
export const hasOurSchemaSql = `EXISTS (SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'changefeed' AND ${roleIsOurs}
  AND (${isMarkSql(`obj_description(n.oid, 'pg_namespace')`)} OR ${isMember}))`

/**
 * A condition: our schema exists and has the list of watched tables. A view of somebody else with that name does not count. A role
 * without rights on the schema may ask.
 */
export const hasOurTablesSql = `(${hasOurSchemaSql} AND EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
  WHERE n.nspname = 'changefeed' AND c.relname = 'watched' AND c.relkind = 'r' AND ${roleIsOurs}))`

/** A condition over `pg_publication p`: the publication is ours. */
export const publicationIsOurs = `((SELECT ${roleIsOurs} FROM pg_roles r WHERE r.oid = p.pubowner)
  AND (${hasOurSchemaSql} OR obj_description(p.oid, 'pg_publication') IS NOT DISTINCT FROM '${publicationMark}'))`

/** A condition over `pg_publication p`: a DBA has made it with our script. */
export const publicationIsPrepared = `coalesce(starts_with(obj_description(p.oid, 'pg_publication'), '${preparedMark}'), false)`

/** A condition: the database contains something of ours. */
export const hasAnythingSql = `(${hasOurSchemaSql} OR EXISTS (SELECT FROM pg_publication p WHERE p.pubname = '${publication}' AND ${publicationIsOurs}))`

/** A condition over `pg_event_trigger e`: nobody has altered it since it was created (sql/create-event-triggers.sql). */
export const isUntouchedSql = `e.evtenabled = 'A' AND obj_description(e.oid, 'pg_event_trigger') IS NOT DISTINCT FROM e.xmin::text`
