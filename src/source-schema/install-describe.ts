// The part of what we install in a source that describes a table as JSON (a TableDescription) from the catalogue, and
// that says which types a table is made of: a change of one of those changes how its rows print.

export const describeSql = `
-- Types that users made are walked through; those of PostgreSQL itself are named at once, since most columns have one.
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
  -- int2vector and oidvector call themselves arrays and print as text.
  IF t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1 AND t.typname NOT IN ('int2vector', 'oidvector') THEN
    RETURN jsonb_build_object('tag', 'array', 'element', changefeed.type_shape(t.typelem),
      'delimiter', (SELECT typdelim FROM pg_type WHERE oid = t.typelem));
  END IF;
  RETURN jsonb_build_object('tag', 'scalar', 'name',
    CASE t.nspname WHEN 'pg_catalog' THEN t.typname::text ELSE t.nspname || '.' || t.typname END);
END $$;

CREATE OR REPLACE FUNCTION changefeed.describe(relation oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object(
    'relid', c.oid::bigint,
    'database', current_database(),
    'schema', n.nspname,
    'name', c.relname,
    'identity', c.relreplident,
    'deferrableKey', EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary AND NOT indimmediate),
    'columns', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', attname, 'attnum', attnum, 'typeOid', atttypid::bigint, 'typmod', atttypmod,
        'typeName', format_type(atttypid, atttypmod),
        'shape', CASE WHEN t.oid < 16384 AND t.typtype = 'b' AND t.typcategory <> 'A'
          THEN jsonb_build_object('tag', 'scalar', 'name', t.typname) ELSE changefeed.type_shape(t.oid) END,
        'notNull', attnotnull, 'hasDefault', atthasdef, 'generated', attgenerated = 's') ORDER BY attnum)
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

-- The types of users that these types are made of, however deep, and themselves.
CREATE OR REPLACE FUNCTION changefeed.types_in(types oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE used(type) AS (
    SELECT unnest(types)
    UNION
    SELECT part.type FROM used JOIN pg_type t ON t.oid = used.type, LATERAL (
      SELECT t.typbasetype AS type
      UNION ALL SELECT t.typelem
      UNION ALL SELECT atttypid FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped
      UNION ALL SELECT rngsubtype FROM pg_range WHERE rngtypid = t.oid
      UNION ALL SELECT rngtypid FROM pg_range WHERE rngmultitypid = t.oid
    ) part WHERE part.type >= 16384
  )
  SELECT coalesce(array_agg(type ORDER BY type), '{}') FROM used
$$;

CREATE OR REPLACE FUNCTION changefeed.types_of(relation oid) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT changefeed.types_in(coalesce(array_agg(atttypid), '{}')) FROM pg_attribute
  WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND atttypid >= 16384
$$;

-- For messages: which of these tables use the types, and in which columns.
CREATE OR REPLACE FUNCTION changefeed.uses(relations oid[], types oid[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(format('table %I.%I (column %s)', nspname, relname, columns), ', ' ORDER BY nspname, relname)
  FROM (SELECT attrelid, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attrelid = ANY(relations) AND attnum > 0 AND NOT attisdropped AND atttypid >= 16384
        AND changefeed.types_in(ARRAY[atttypid]) && types
      GROUP BY attrelid) AS used
    JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
$$;

-- How the values of a table print: what a writer must not have open when it changes.
CREATE OR REPLACE FUNCTION changefeed.print_of(description jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_agg(jsonb_build_array(c -> 'name', c -> 'shape')) FROM jsonb_array_elements(description -> 'columns') c
$$;
`
