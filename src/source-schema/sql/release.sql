-- Takes our objects out of the extension plpgsql, to which belong.sql has added them, so that they can be altered and dropped.
--
-- Rights: any role. Where our role does not own the extension, belong.sql has added nothing to it.

DO $$
DECLARE o record;
BEGIN
  FOR o IN SELECT i.type, i.identity
      FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid, LATERAL pg_identify_object(d.classid, d.objid, 0) i
      WHERE e.extname = 'plpgsql' AND pg_has_role(e.extowner, 'USAGE') AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        -- The row type of a table comes and goes with the table.
        AND i.type IN ('schema', 'table', 'function', 'event trigger')
        AND (i.schema = 'changefeed' OR (i.type, i.name) = ('schema', 'changefeed') OR i.type = 'event trigger' AND i.name LIKE 'pg\_changefeed\_%') LOOP
    EXECUTE format('ALTER EXTENSION plpgsql DROP %s %s', o.type, o.identity);
  END LOOP;
END $$;
