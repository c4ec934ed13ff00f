// Whose the things are that stand in a database under our names. An application may have a schema `changefeed` of its own,
// and the owner of a database, who is no superuser, may have made one on purpose: what we run in it would then run as they
// like, with our rights. So nothing is taken over from anybody, and nothing is removed that is not known to be ours.
//
// Our schema belongs to a superuser and has the mark that install writes, or belongs to plpgsql as our members do. Neither
// can be had by somebody who is no superuser.

import { publication } from './names.ts'

export const ourTables = ['watched', 'source', 'type_locks'] as const
export const ourEventTriggers = [
  'pg_changefeed_ddl',
  'pg_changefeed_drop',
  'pg_changefeed_rewrite',
  'pg_changefeed_publication',
  'pg_changefeed_publication_drop',
] as const

/** The comment on our publication. */
export const publicationMark = 'pg-changefeed: what changefeeds read'

const names = (all: readonly string[]): string => `'{${all.join(', ')}}'::name[]`
export const ourTablesSql = names(ourTables)
export const ourEventTriggersSql = names(ourEventTriggers)

const isMember = `EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'plpgsql')`
const schemaIsOurs = `(r.rolsuper AND (coalesce(obj_description(n.oid, 'pg_namespace'), '') ~ '^[0-9a-f]{64}$' OR ${isMember}))`

/** A condition: the schema is there and ours. */
export const hasOurSchemaSql = `EXISTS (SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'changefeed' AND ${schemaIsOurs})`

/** The same, and there is a list of watched tables in it. What is read without asking so may be anybody's view. */
export const hasOurTablesSql = `(${hasOurSchemaSql} AND EXISTS (SELECT FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
  WHERE c.oid = to_regclass('changefeed.watched') AND c.relkind = 'r' AND o.rolsuper))`

/** A condition over `pg_publication p`. */
export const publicationIsOurs = `((SELECT rolsuper FROM pg_roles WHERE oid = p.pubowner)
  AND (${hasOurSchemaSql} OR obj_description(p.oid, 'pg_publication') IS NOT DISTINCT FROM '${publicationMark}'))`

/** A condition: something of ours is there. */
export const hasAnythingSql = `(${hasOurSchemaSql} OR EXISTS (SELECT FROM pg_publication p WHERE p.pubname = '${publication}' AND ${publicationIsOurs}))`

const detail = 'pg-changefeed has things of this name in each database that it reads, and takes over none of others.'

/** Fails where something of somebody else has one of our names. `functions`: names. */
export const refuseOthersSql = (functions: readonly string[]): string => `
DO $$ DECLARE other record; BEGIN
  SELECT r.rolname INTO other FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'changefeed' AND NOT ${schemaIsOurs};
  IF FOUND THEN
    RAISE EXCEPTION 'schema "changefeed" of database "%" is not pg-changefeed''s: it was there before, and belongs to role "%"', current_database(), other.rolname
      USING ERRCODE = 'duplicate_schema', DETAIL = '${detail}',
        HINT = 'Give it another name, and start the changefeed again: ALTER SCHEMA changefeed RENAME TO ...';
  END IF;
  SELECT i.type, i.identity, r.rolname INTO other FROM (
      SELECT 'pg_class'::regclass AS class, oid, relowner AS owner FROM pg_class WHERE relnamespace = to_regnamespace('changefeed') AND relname = ANY (${ourTablesSql})
      UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc WHERE pronamespace = to_regnamespace('changefeed') AND proname = ANY (${names(functions)})
    ) AS o JOIN pg_roles r ON r.oid = o.owner, LATERAL pg_identify_object(o.class, o.oid, 0) i
    WHERE NOT r.rolsuper OR o.class = 'pg_class'::regclass AND i.type <> 'table' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% % is not pg-changefeed''s: it belongs to role "%"', other.type, other.identity, other.rolname
      USING ERRCODE = 'duplicate_object', DETAIL = '${detail}', HINT = 'Give it another name or drop it, and start the changefeed again.';
  END IF;
  SELECT t.tgname, t.tgrelid::regclass::text AS relation INTO other FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = to_regnamespace('changefeed') AND c.relname = ANY (${ourTablesSql}) AND NOT t.tgisinternal AND t.tgname <> 'only_ours' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'trigger "%" of table % is not pg-changefeed''s', other.tgname, other.relation
      USING ERRCODE = 'duplicate_object', DETAIL = 'It would run with the rights of a superuser.', HINT = 'Drop it, and start the changefeed again.';
  END IF;
  SELECT e.evtname INTO other FROM pg_event_trigger e LEFT JOIN pg_proc p ON p.oid = e.evtfoid
    WHERE e.evtname = ANY (${ourEventTriggersSql}) AND p.pronamespace IS DISTINCT FROM to_regnamespace('changefeed') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'event trigger "%" is not pg-changefeed''s', other.evtname
      USING ERRCODE = 'duplicate_object', DETAIL = '${detail}', HINT = format('Give it another name, and start the changefeed again: ALTER EVENT TRIGGER %I RENAME TO ...', other.evtname);
  END IF;
  SELECT r.rolname INTO other FROM pg_publication p JOIN pg_roles r ON r.oid = p.pubowner WHERE p.pubname = '${publication}' AND NOT ${publicationIsOurs};
  IF FOUND THEN
    RAISE EXCEPTION 'publication "${publication}" of database "%" is not pg-changefeed''s: it was there before, and belongs to role "%"', current_database(), other.rolname
      USING ERRCODE = 'duplicate_object', DETAIL = '${detail}',
        HINT = 'Give it another name or drop it, and start the changefeed again: ALTER PUBLICATION ${publication} RENAME TO ...';
  END IF;
END $$;
`
