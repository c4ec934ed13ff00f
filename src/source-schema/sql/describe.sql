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
    'deferrableKey', EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary AND NOT indimmediate),
    'columns', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', attname, 'attnum', attnum, 'typeOid', atttypid::bigint,
        'typmod', CASE WHEN atttypmod = -1 AND t.oid >= 16384 THEN changefeed.type_modifier(t.oid) ELSE atttypmod END,
        'typeName', format_type(atttypid, atttypmod),
        'shape', CASE WHEN t.oid < 16384 AND t.typtype = 'b' AND t.typcategory <> 'A'
          THEN jsonb_build_object('tag', 'scalar', 'name', t.typname) ELSE changefeed.type_shape(t.oid) END,
        'notNull', attnotnull, 'hasDefault', atthasdef, 'generated', attgenerated = 's',
        'missing', CASE WHEN atthasmissing THEN array_to_string(attmissingval, '') END)
        || CASE attidentity WHEN '' THEN '{}' ELSE jsonb_build_object('identity', attidentity) END ORDER BY attnum)
      FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
      WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        AND (attgenerated = '' OR attgenerated = 's' AND current_setting('server_version_num')::int >= 180000)), '[]'),
    'primaryKey', coalesce((
      SELECT jsonb_agg(attname ORDER BY place)
      FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
      JOIN pg_attribute a USING (attnum)
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND place <= i.indnkeyatts), '[]'))
    || coalesce((SELECT jsonb_build_object('rewrites', rewrites) FROM changefeed.watched WHERE relid = relation AND rewrites > 0), '{}')
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

-- Whether rows are read otherwise by one description than by the other: other columns or types, or another key.
CREATE OR REPLACE FUNCTION changefeed.reads_otherwise(fresh jsonb, old jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT fresh <> old AND (changefeed.print_of(fresh) IS DISTINCT FROM changefeed.print_of(old)
    OR fresh -> 'primaryKey' <> old -> 'primaryKey' OR fresh -> 'deferrableKey' <> old -> 'deferrableKey')
$$;
