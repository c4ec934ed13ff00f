-- Functions that describe a table as JSON from the catalogue. The type TableDescription of src/core/table.ts is this JSON.
--
-- Rights: owner of schema changefeed.

-- Types that users made are followed down to what they consist of. A type of PostgreSQL itself is named at once, since most
-- columns have one.
CREATE OR REPLACE FUNCTION changefeed.type_shape(type oid) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE t record;
BEGIN
  SELECT typname, typtype, typelem, typlen, typcategory, typbasetype, typrelid, nspname
    INTO t FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace WHERE pg_type.oid = type;
  IF t.typtype = 'd' THEN RETURN changefeed.type_shape(t.typbasetype); END IF;
  IF t.typtype = 'e' THEN RETURN '{"tag": "enum"}'; END IF;
  IF t.typtype IN ('r', 'm') THEN RETURN '{"tag": "range"}'; END IF;
  IF t.typtype = 'c' THEN
    RETURN jsonb_build_object('tag', 'composite', 'fields', coalesce((
      SELECT jsonb_agg(jsonb_build_object('name', attname, 'shape', changefeed.type_shape(atttypid)) ORDER BY attnum)
      FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped), '[]'));
  END IF;
  -- int2vector and oidvector are arrays by the catalogue, but their text is no array.
  IF t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1 AND t.typname NOT IN ('int2vector', 'oidvector') THEN
    RETURN jsonb_build_object('tag', 'array', 'element', changefeed.type_shape(t.typelem),
      'delimiter', (SELECT typdelim FROM pg_type WHERE oid = t.typelem));
  END IF;
  RETURN jsonb_build_object('tag', 'scalar', 'name',
    CASE t.nspname WHEN 'pg_catalog' THEN t.typname::text ELSE t.nspname || '.' || t.typname END);
END $$;

-- The modifier that a domain gives to its values, or to those of an array; -1: there is none.
CREATE OR REPLACE FUNCTION changefeed.type_modifier(type oid) RETURNS int
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE inside AS (
    SELECT * FROM pg_type WHERE pg_type.oid = type
    UNION ALL
    SELECT t.* FROM inside i JOIN pg_type t ON t.oid = CASE i.typtype WHEN 'd' THEN i.typbasetype ELSE i.typelem END
    WHERE i.typtype = 'd' OR i.typcategory = 'A' AND i.typlen = -1
  )
  SELECT coalesce(max(typtypmod), -1) FROM inside WHERE typtype = 'd'
$$;

-- The index whose columns are the key of a table: that of the primary key or, without one, that of the replica identity. An index
-- that was the replica identity before pg-changefeed made it FULL counts as long as it still tells rows apart.
CREATE OR REPLACE FUNCTION changefeed.key_index(relation oid) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT indexrelid FROM pg_index i JOIN pg_class c ON c.oid = indrelid LEFT JOIN changefeed.watched w ON w.relid = relation
  WHERE indrelid = relation AND (indisprimary OR relreplident = 'i' AND indisreplident
    OR indexrelid = w.key_index AND indisunique AND indimmediate AND indisvalid AND indpred IS NULL AND indexprs IS NULL
      AND NOT EXISTS (SELECT FROM unnest(indkey) WITH ORDINALITY AS k(number, place) JOIN pg_attribute ON attrelid = relation AND attnum = number
        WHERE place <= indnkeyatts AND NOT attnotnull))
  ORDER BY indisprimary DESC, indisreplident DESC LIMIT 1
$$;

-- The names of the columns of an index, in its order.
CREATE OR REPLACE FUNCTION changefeed.columns_of(index oid) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(attname::text ORDER BY place), '{}')
  FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(number, place) JOIN pg_attribute a ON a.attnum = number
  WHERE i.indexrelid = index AND a.attrelid = i.indrelid AND place <= i.indnkeyatts
$$;

-- Null if the table does not exist. Values print as they do in the stream of rows, whatever the session has set.
CREATE OR REPLACE FUNCTION changefeed.describe(relation oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres' SET TimeZone = 'UTC'
SET extra_float_digits = 1 SET bytea_output = 'hex' SET lc_monetary = 'C' AS $$
  SELECT jsonb_build_object(
    'relid', c.oid::bigint,
    'database', current_database(),
    'schema', n.nspname,
    'name', c.relname,
    'identity', c.relreplident,
    'deferrableKey', EXISTS (SELECT FROM pg_index WHERE indexrelid = changefeed.key_index(c.oid) AND NOT indimmediate),
    'columns', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', attname, 'attnum', attnum, 'typeOid', atttypid::bigint,
        'typmod', CASE WHEN atttypmod = -1 AND t.oid >= 16384 THEN changefeed.type_modifier(t.oid) ELSE atttypmod END,
        'typeName', format_type(atttypid, atttypmod),
        'shape', CASE WHEN t.oid < 16384 AND t.typtype = 'b' AND t.typcategory <> 'A'
          THEN jsonb_build_object('tag', 'scalar', 'name', t.typname) ELSE changefeed.type_shape(t.oid) END,
        'notNull', attnotnull, 'hasDefault', atthasdef, 'generated', attgenerated = 's')
        -- A partitioned table does not say what the rows of its partitions have.
        || CASE c.relkind WHEN 'p' THEN '{}'::jsonb ELSE jsonb_build_object('missing', CASE WHEN atthasmissing THEN array_to_string(attmissingval, '') END) END
        || CASE attidentity WHEN '' THEN '{}' ELSE jsonb_build_object('identity', attidentity) END ORDER BY attnum)
      FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
      WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        AND (attgenerated = '' OR attgenerated = 's' AND current_setting('server_version_num')::int >= 180000)), '[]'),
    'primaryKey', to_jsonb(changefeed.columns_of(changefeed.key_index(c.oid))))
    || coalesce((SELECT jsonb_strip_nulls(jsonb_build_object('rewrites', nullif(rewrites, 0), 'attached', nullif(attached, 0)))
      FROM changefeed.watched WHERE relid = relation), '{}')
    || CASE c.relkind WHEN 'p' THEN '{"partitioned": true}'::jsonb ELSE '{}' END
    || CASE WHEN NOT c.relispartition THEN '{}'::jsonb ELSE coalesce((SELECT jsonb_build_object('ancestors', jsonb_agg(a.relid::oid::bigint ORDER BY n))
      FROM pg_partition_ancestors(c.oid) WITH ORDINALITY AS a(relid, n) WHERE a.relid <> c.oid HAVING count(*) > 0), '{}') END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = relation
$$;

-- A description without what VACUUM FULL and CLUSTER change: they write all rows anew with the values that older rows were missing.
-- No event trigger sees that, and it matters to nobody.
CREATE OR REPLACE FUNCTION changefeed.lasting(description jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT description || jsonb_build_object('columns', (SELECT jsonb_agg(c - 'missing') FROM jsonb_array_elements(description -> 'columns') c))
$$;

-- The part of a description that decides how the values of rows print. It must not change while a transaction is open that has
-- written rows of the table.
CREATE OR REPLACE FUNCTION changefeed.print_of(description jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_agg(jsonb_build_array(c -> 'name', c -> 'shape')) FROM jsonb_array_elements(description -> 'columns') c
$$;

-- Whether rows are read otherwise by one description than by the other: other columns or types, another key, or as the rows of
-- other partitioned tables.
CREATE OR REPLACE FUNCTION changefeed.reads_otherwise(fresh jsonb, old jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT fresh <> old AND (changefeed.print_of(fresh) IS DISTINCT FROM changefeed.print_of(old)
    OR fresh -> 'primaryKey' <> old -> 'primaryKey' OR fresh -> 'deferrableKey' <> old -> 'deferrableKey'
    OR fresh -> 'ancestors' IS DISTINCT FROM old -> 'ancestors')
$$;
