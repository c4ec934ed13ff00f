-- Fails where an object of somebody else has one of our names: nothing is taken over from anybody. An application may have a
-- schema "changefeed" of its own, and the owner of a database, who is no superuser, may have made one on purpose. What we run
-- in it would then do what that owner likes, with our rights.
--
-- Rights: any role.

DO $$
DECLARE
  other record;
  detail CONSTANT text := 'pg-changefeed has things of this name in each database that it reads, and takes over none of others.';
BEGIN
  SELECT r.rolname INTO other FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
    WHERE n.nspname = 'changefeed' AND NOT :(schema_is_ours);
  IF FOUND THEN
    RAISE EXCEPTION 'schema "changefeed" of database "%" is not pg-changefeed''s: it was there before, and belongs to role "%"', current_database(), other.rolname
      USING ERRCODE = 'duplicate_schema', DETAIL = detail,
        HINT = 'Give it another name, and start the changefeed again: ALTER SCHEMA changefeed RENAME TO ...';
  END IF;

  SELECT i.type, i.identity, r.rolname INTO other FROM (
      SELECT 'pg_class'::regclass AS class, oid, relowner AS owner FROM pg_class
        WHERE relnamespace = to_regnamespace('changefeed') AND relname = ANY (:'tables'::name[])
      UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
        WHERE pronamespace = to_regnamespace('changefeed') AND proname = ANY (:'functions'::name[])
    ) AS o JOIN pg_roles r ON r.oid = o.owner, LATERAL pg_identify_object(o.class, o.oid, 0) i
    WHERE NOT :(role_is_ours) OR o.class = 'pg_class'::regclass AND i.type <> 'table' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% % is not pg-changefeed''s: it belongs to role "%"', other.type, other.identity, other.rolname
      USING ERRCODE = 'duplicate_object', DETAIL = detail, HINT = 'Give it another name or drop it, and start the changefeed again.';
  END IF;

  SELECT t.tgname, t.tgrelid::regclass::text AS relation INTO other FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = to_regnamespace('changefeed') AND c.relname = ANY (:'tables'::name[])
      AND NOT t.tgisinternal AND t.tgname <> 'only_ours' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'trigger "%" of table % is not pg-changefeed''s', other.tgname, other.relation
      USING ERRCODE = 'duplicate_object', DETAIL = 'It would run with the rights of pg-changefeed.', HINT = 'Drop it, and start the changefeed again.';
  END IF;

  SELECT e.evtname INTO other FROM pg_event_trigger e LEFT JOIN pg_proc p ON p.oid = e.evtfoid
    WHERE e.evtname = ANY (:'event_triggers'::name[]) AND p.pronamespace IS DISTINCT FROM to_regnamespace('changefeed') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'event trigger "%" is not pg-changefeed''s', other.evtname
      USING ERRCODE = 'duplicate_object', DETAIL = detail,
        HINT = format('Give it another name, and start the changefeed again: ALTER EVENT TRIGGER %I RENAME TO ...', other.evtname);
  END IF;

  SELECT r.rolname INTO other FROM pg_publication p JOIN pg_roles r ON r.oid = p.pubowner
    WHERE p.pubname = :'publication' AND NOT :(publication_is_ours);
  IF FOUND THEN
    RAISE EXCEPTION 'publication "%" of database "%" is not pg-changefeed''s: it was there before, and belongs to role "%"', :'publication', current_database(), other.rolname
      USING ERRCODE = 'duplicate_object', DETAIL = detail,
        HINT = format('Give it another name or drop it, and start the changefeed again: ALTER PUBLICATION %I RENAME TO ...', :'publication');
  END IF;
END $$;
