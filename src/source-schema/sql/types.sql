-- Functions that say which types a table consists of: a change of one of those types changes how the rows of the table print.
--
-- Rights: owner of schema changefeed.

-- The given types, and the types made by users that they consist of, however deep.
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

-- The types made by users that a table consists of.
CREATE OR REPLACE FUNCTION changefeed.types_of(relation oid) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT changefeed.types_in(coalesce(array_agg(atttypid), '{}')) FROM pg_attribute
  WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND atttypid >= 16384
$$;

-- Which of these tables use the types, and in which columns, as text for messages.
CREATE OR REPLACE FUNCTION changefeed.uses(relations oid[], types oid[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT string_agg(format('table %I.%I (column %s)', nspname, relname, columns), ', ' ORDER BY nspname, relname)
  FROM (SELECT attrelid, string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attrelid = ANY(relations) AND attnum > 0 AND NOT attisdropped AND atttypid >= 16384
        AND changefeed.types_in(ARRAY[atttypid]) && types
      GROUP BY attrelid) AS used
    JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
$$;

-- Of these relations the row types that are a type by themselves (CREATE TYPE), or that columns or other types consist of.
CREATE OR REPLACE FUNCTION changefeed.row_types(relations oid[]) RETURNS oid[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(t.oid ORDER BY t.oid), '{}') FROM pg_class c JOIN pg_type t ON t.oid = c.reltype
  WHERE c.oid = ANY(relations) AND (c.relkind = 'c' OR EXISTS (
    SELECT FROM pg_depend WHERE refclassid = 'pg_type'::regclass AND refobjid IN (t.oid, t.typarray) AND deptype IN ('n', 'a')))
$$;
