-- Checks every table before anything is done to it. PostgreSQL refuses the UPDATEs and DELETEs of a published table whose rows it
-- cannot identify, so the script stops here, with nothing changed, rather than make your application fail.
--
-- A table gets REPLICA IDENTITY FULL only for a reason, which is printed as a notice: a changefeed asks for the rows as they were
-- (WITH diff), or values may be stored out of line (TOAST), and an UPDATE that does not change such a value does not log it.
-- The cost of FULL: each UPDATE and DELETE writes the whole old row into the write-ahead log, and where the old row is large, so is that.
-- It is given at the end of the script, because it needs a lock that keeps readers and writers out.
DO $$
DECLARE
  target regclass; part record; why text; other text; hint text;
  is_18 CONSTANT boolean := current_setting('server_version_num')::int >= 180000;
BEGIN
  PERFORM set_config('changefeed.full', '', true);
  FOREACH target IN ARRAY :(tables) LOOP
    IF (SELECT relkind NOT IN ('r', 'p') OR relpersistence <> 'p' FROM pg_class WHERE oid = target)
        OR EXISTS (SELECT FROM pg_partition_tree(target) AS t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf AND (c.relkind <> 'r' OR c.relpersistence <> 'p')) THEN
      RAISE EXCEPTION '% cannot be published: it is no ordinary or partitioned table, is unlogged, or has such a partition', target;
    END IF;
    -- A line break in a name would end the statement that is noted to undo what is done here.
    SELECT x.name INTO other FROM (SELECT target::oid AS relid UNION SELECT relid FROM pg_partition_tree(target)) AS t
      JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace,
      LATERAL (SELECT c.relname AS name UNION ALL SELECT n.nspname UNION ALL SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid = c.oid) AS x
      WHERE x.name ~ '[[:cntrl:]]' LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION '% is not published: the name % has a control character', target, to_json(other);
    END IF;
    FOR part IN SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relreplident AS identity, c.reltoastrelid <> 0 AS out_of_line,
        EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary) AS has_key,
        (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
          AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END) AS index
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND (c.oid = target OR c.oid IN (SELECT relid FROM pg_partition_tree(target) WHERE isleaf)) ORDER BY c.oid LOOP
      -- Nobody alters the table until the script is done. Readers and writers are not held up.
      EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', part.name);
      hint := CASE part.identity WHEN 'n' THEN CASE WHEN part.has_key THEN format('ALTER TABLE %s REPLICA IDENTITY DEFAULT; or ', part.name) END END;
      hint := concat(hint, CASE WHEN NOT part.has_key THEN format('ALTER TABLE %s ADD PRIMARY KEY (...); or ', part.name) END,
        format('ALTER TABLE %s REPLICA IDENTITY USING INDEX ... (a unique index, not partial, not deferrable, of columns that are NOT NULL)', part.name),
        CASE WHEN part.has_key THEN format('; or ALTER TABLE %s REPLICA IDENTITY FULL (each UPDATE and DELETE then writes the whole old row into the write-ahead log)', part.name)
          ELSE '. REPLICA IDENTITY FULL is not enough: no changefeed can start on a table that has no key' END);
      IF part.identity <> 'f' AND part.index IS NULL THEN
        RAISE EXCEPTION 'table % is not published: UPDATE and DELETE of your application would fail, because %', part.name,
          CASE WHEN part.identity = 'n' THEN 'it has REPLICA IDENTITY NOTHING'
            WHEN part.identity = 'i' THEN 'the index of its replica identity is gone or cannot be used'
            WHEN part.has_key THEN 'its primary key is deferrable or not valid'
            ELSE 'it has no primary key' END USING HINT = hint;
      END IF;
      IF NOT is_18 AND EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indexrelid = part.index AND a.attgenerated <> '') THEN
        RAISE EXCEPTION 'table % is not published: its key has a generated column, which PostgreSQL before 18 does not publish', part.name;
      END IF;
      why := CASE WHEN part.identity = 'f' THEN NULL
        WHEN target = ANY (:(full_tables)) THEN 'a changefeed asks for its rows as they were before a change'
        WHEN part.out_of_line THEN 'its values may be stored out of line, and an UPDATE would come without those that it does not change' END;
      IF why IS NOT NULL OR part.identity = 'f' THEN
        IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = part.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = 'v') THEN
          RAISE EXCEPTION 'table % is not published: with REPLICA IDENTITY FULL, PostgreSQL refuses every UPDATE and DELETE of a table that has a virtual generated column', part.name
            USING HINT = 'make the column STORED, or drop it';
        END IF;
        SELECT p.pubname INTO other FROM pg_publication p, LATERAL (SELECT EXISTS (SELECT FROM pg_publication_tables l WHERE l.pubname = p.pubname AND format('%I.%I', l.schemaname, l.tablename) IN
            (SELECT part.name UNION SELECT format('%I.%I', n.nspname, c.relname) FROM pg_partition_ancestors(part.oid) a JOIN pg_class c ON c.oid = a.relid JOIN pg_namespace n ON n.oid = c.relnamespace)) AS has) AS m
          WHERE p.pubname <> :'publication' AND (p.pubupdate OR p.pubdelete) AND m.has
            AND (EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND to_jsonb(r) ->> 'prattrs' IS NOT NULL AND r.prrelid IN (SELECT part.oid UNION SELECT relid FROM pg_partition_ancestors(part.oid)))
              OR to_jsonb(p) ->> 'pubgencols' = 'n' AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = part.oid AND attnum > 0 AND NOT attisdropped AND attgenerated <> '')) LIMIT 1;
        IF other IS NOT NULL THEN
          RAISE EXCEPTION 'table % is not published: with REPLICA IDENTITY FULL, PostgreSQL refuses every UPDATE and DELETE of a table that publication "%" has with a list of columns or without its generated columns', part.name, other
            USING HINT = format('publish all of its columns in publication %I, or take the table out of it', other);
        END IF;
      END IF;
      IF why IS NOT NULL AND NOT part.has_key THEN
        RAISE EXCEPTION 'table % needs REPLICA IDENTITY FULL, and would then have no key: %', part.name, why
          USING HINT = format('ALTER TABLE %s ADD PRIMARY KEY (...), or USING INDEX ... with the index of its replica identity', part.name);
      END IF;
      IF part.identity = 'f' AND NOT part.has_key THEN
        RAISE WARNING 'table % has REPLICA IDENTITY FULL and no primary key: no changefeed can start on it', part.name
          USING HINT = format('ALTER TABLE %s ADD PRIMARY KEY (...)', part.name);
      END IF;
      IF why IS NOT NULL THEN
        PERFORM set_config('changefeed.full', current_setting('changefeed.full') || format(E'ALTER TABLE ONLY %s REPLICA IDENTITY FULL\n', part.name), true);
        PERFORM set_config('changefeed.undo', current_setting('changefeed.undo') || format(E'ALTER TABLE ONLY %s REPLICA IDENTITY %s;\n', part.name,
          CASE part.identity WHEN 'i' THEN 'USING INDEX ' || (SELECT quote_ident(relname) FROM pg_class WHERE oid = part.index) ELSE 'DEFAULT' END), true);
        RAISE NOTICE 'table % gets REPLICA IDENTITY FULL: %', part.name, why;
      END IF;
    END LOOP;
  END LOOP;
END $$;
