// What we keep in a source database is not the user's, and belongs into no dump of the database: restored elsewhere, event
// triggers and a list of watched tables would speak of what is not there. PostgreSQL leaves out of dumps, with rows and
// privileges, what belongs to an extension that initdb has made, and plpgsql is one. It also refuses to drop such objects
// one by one. A publication cannot belong to an extension; `server/dump-query.ts` keeps ours out.

import { publication } from './names.ts'
import { hasOurSchemaSql, ourEventTriggersSql, ourTablesSql, publicationIsOurs } from './ownership.ts'

/** They are nobody's: install and uninstall can alter and drop them. */
export const releaseSql = `
DO $$ DECLARE o record; BEGIN
  FOR o IN SELECT i.type, i.identity FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid, LATERAL pg_identify_object(d.classid, d.objid, 0) i
      WHERE e.extname = 'plpgsql' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        -- The row type of a table comes and goes with it.
        AND i.type IN ('schema', 'table', 'function', 'event trigger')
        AND (i.schema = 'changefeed' OR (i.type, i.name) = ('schema', 'changefeed') OR i.type = 'event trigger' AND i.name LIKE 'pg\\_changefeed\\_%') LOOP
    EXECUTE format('ALTER EXTENSION plpgsql DROP %s %s', o.type, o.identity);
  END LOOP;
END $$;
`

/** Only what is listed: an application may keep something of its own beside it. `functions`: names. */
export const belongSql = (functions: readonly string[]): string => `
DO $$ DECLARE o record; BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'plpgsql') THEN RETURN; END IF;
  FOR o IN SELECT i.type, i.identity FROM (
        SELECT 'pg_namespace'::regclass AS class, oid FROM pg_namespace WHERE nspname = 'changefeed'
        UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relnamespace = 'changefeed'::regnamespace AND relkind = 'r' AND relname = ANY (${ourTablesSql})
        UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = 'changefeed'::regnamespace AND proname = ANY ('{${functions.join(', ')}}'::name[])
        UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger WHERE evtname = ANY (${ourEventTriggersSql})
      ) AS ours, LATERAL pg_identify_object(ours.class, ours.oid, 0) i LOOP
    EXECUTE format('ALTER EXTENSION plpgsql ADD %s %s', o.type, o.identity);
  END LOOP;
END $$;
`

/** Removes them, after `releaseSql`. What is somebody else's stays, and then the schema does, too. */
export const removeSql = (functions: readonly string[]): string => `
DO $$ DECLARE o record; BEGIN
  FOR o IN SELECT evtname FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
      WHERE evtname = ANY (${ourEventTriggersSql}) AND pronamespace = to_regnamespace('changefeed') LOOP
    EXECUTE format('DROP EVENT TRIGGER %I', o.evtname);
  END LOOP;
  IF EXISTS (SELECT FROM pg_publication p WHERE p.pubname = '${publication}' AND ${publicationIsOurs}) THEN
    DROP PUBLICATION ${publication};
  END IF;
  IF NOT ${hasOurSchemaSql} THEN RETURN; END IF;
  FOR o IN SELECT c.oid::regclass::text AS name FROM pg_class c WHERE relnamespace = 'changefeed'::regnamespace AND relkind = 'r' AND relname = ANY (${ourTablesSql}) LOOP
    EXECUTE 'DROP TABLE ' || o.name;
  END LOOP;
  FOR o IN SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE pronamespace = 'changefeed'::regnamespace AND proname = ANY ('{${functions.join(', ')}}'::name[]) LOOP
    EXECUTE 'DROP FUNCTION ' || o.name;
  END LOOP;
  BEGIN
    DROP SCHEMA changefeed;
  EXCEPTION WHEN dependent_objects_still_exist THEN
    -- It is theirs from now on.
    COMMENT ON SCHEMA changefeed IS NULL;
  END;
END $$;
`
