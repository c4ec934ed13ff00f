// What we keep in a source database is not the user's, and belongs into no dump of the database: restored elsewhere, event
// triggers and a list of watched tables would speak of what is not there. PostgreSQL leaves out of dumps, with rows and
// privileges, what belongs to an extension that initdb has made, and plpgsql is one. It also refuses to drop such objects
// one by one. A publication cannot belong to an extension; `server/dump-query.ts` keeps ours out.

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

export const belongSql = `
DO $$ DECLARE o record; BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'plpgsql') THEN RETURN; END IF;
  FOR o IN SELECT i.type, i.identity FROM (
        SELECT 'pg_namespace'::regclass AS class, oid FROM pg_namespace WHERE nspname = 'changefeed'
        UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE relnamespace = 'changefeed'::regnamespace AND relkind = 'r'
        UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = 'changefeed'::regnamespace
        UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger WHERE evtname LIKE 'pg\\_changefeed\\_%'
      ) AS ours, LATERAL pg_identify_object(ours.class, ours.oid, 0) i LOOP
    EXECUTE format('ALTER EXTENSION plpgsql ADD %s %s', o.type, o.identity);
  END LOOP;
END $$;
`
