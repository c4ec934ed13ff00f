// What a DBA has automated where the role of our server may install nothing: every new table is published, has the replica
// identity that suffices for every changefeed, and may be read by the role.

/** For one database, as its superuser. */
export function preparesTablesSql(role: string): string {
  return `
CREATE PUBLICATION pg_changefeed;
ALTER DEFAULT PRIVILEGES FOR ROLE root GRANT SELECT ON TABLES TO ${role};
ALTER DEFAULT PRIVILEGES FOR ROLE root GRANT USAGE ON SCHEMAS TO ${role};
CREATE SCHEMA dba;
CREATE FUNCTION dba.prepare() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE t record;
BEGIN
  FOR t IN
    SELECT c.oid::regclass AS name, c.relispartition, c.relreplident FROM pg_event_trigger_ddl_commands() AS d JOIN pg_class c ON c.oid = d.objid
    WHERE d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
      AND c.relnamespace NOT IN ('changefeed_state'::regnamespace, 'pg_catalog'::regnamespace)
      AND (c.relispartition AND c.relreplident <> 'f' OR NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_publication_rel WHERE prrelid = c.oid))
  LOOP
    -- First: ALTER TABLE fires the trigger again.
    IF NOT t.relispartition THEN EXECUTE format('ALTER PUBLICATION pg_changefeed ADD TABLE %s', t.name); END IF;
    EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', t.name);
  END LOOP;
END $$;
CREATE EVENT TRIGGER prepare ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE') EXECUTE FUNCTION dba.prepare();`
}
