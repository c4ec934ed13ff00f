// For tests: an application that writes rows while somebody changes its tables and types at random. Every value says which column or
// attribute it was written for, and every row what it looked like, and its key, when it was written.

import type { RawConnection } from '../../src/postgres/raw-connection.ts'

/** Functions of the application; `write_row` returns what it wrote. */
export const writeRowSql = `
CREATE FUNCTION base_of(t oid) RETURNS oid LANGUAGE sql AS $$ SELECT CASE typtype WHEN 'd' THEN base_of(typbasetype) ELSE oid END FROM pg_type WHERE oid = t $$;
CREATE FUNCTION value_of(t oid, place int, rid int, prefix text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE b oid := base_of(t); k record; name text := format_type(t, NULL);
BEGIN
  SELECT typtype, typrelid, typelem, typcategory INTO k FROM pg_type WHERE oid = b;
  IF k.typtype = 'e' THEN RETURN format('(SELECT enumlabel FROM pg_enum WHERE enumtypid = %s LIMIT 1)::text::%s', b, name); END IF;
  IF k.typtype = 'c' THEN RETURN (SELECT format('ROW(%s)::%s', string_agg(value_of(atttypid, attnum, rid, 'a'), ', ' ORDER BY attnum), name)
    FROM pg_attribute WHERE attrelid = k.typrelid AND attnum > 0 AND NOT attisdropped); END IF;
  IF k.typcategory = 'A' THEN RETURN format('ARRAY[%s]', value_of(k.typelem, place, rid, prefix)); END IF;
  IF b IN ('int4'::regtype, 'int8'::regtype) THEN RETURN place * 1000000 + rid; END IF;
  IF b = 'numeric'::regtype THEN RETURN (place * 1000000 + rid) || '.5'; END IF;
  RETURN quote_literal(prefix || place || '#' || rid);
END $$;
CREATE FUNCTION write_row(rel oid, rid int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE name text; cols text; vals text; made jsonb; keys jsonb; f text;
BEGIN
  EXECUTE format('LOCK TABLE %s IN ROW EXCLUSIVE MODE', rel::regclass);
  SELECT format('%I.%I', nspname, relname), nspname || '.' || relname INTO name, f FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = rel;
  SELECT string_agg(quote_ident(attname), ', '), string_agg(CASE attname WHEN 'id' THEN rid::text WHEN 'id2' THEN (-rid)::text ELSE value_of(atttypid, attnum, rid, 'c') END, ', ')
    INTO cols, vals FROM pg_attribute WHERE attrelid = rel AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
  EXECUTE format('INSERT INTO %s AS r (%s) VALUES (%s) RETURNING to_jsonb(r.*)', name, cols, vals) INTO made;
  SELECT coalesce(jsonb_agg(attname ORDER BY place), '[]') INTO keys FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS u (num, place)
    JOIN pg_attribute a ON attnum = num WHERE indrelid = rel AND indisprimary AND attrelid = rel;
  RETURN jsonb_build_object('row', made, 'key', keys, 'name', f, 'xid', pg_current_xact_id()::text);
END $$;`

export const randomTables = `
CREATE TYPE mood0 AS ENUM ('sad');
CREATE TYPE k AS (p text, q text);
CREATE TYPE outer_k AS (one k, n text);
CREATE DOMAIN d0 AS text CHECK (VALUE <> '');
CREATE TABLE t1 (id int NOT NULL, id2 int NOT NULL, v k, e mood0, PRIMARY KEY (id));
CREATE TABLE t2 (id int NOT NULL, id2 int NOT NULL, o outer_k[], d d0, n int, PRIMARY KEY (id));
CREATE TABLE t3 (id int NOT NULL, id2 int NOT NULL, n int, s text, PRIMARY KEY (id));
${writeRowSql}`

export interface Written {
  readonly relid: number
  readonly id: number
  readonly xid: number
  readonly name: string
  readonly key: readonly string[]
  readonly row: Readonly<Record<string, unknown>>
}

export type Random = (below: number) => number

let nextId = 1
let nextName = 1

/** Writes transactions of one to three rows until `until` aborts; `written` gets the rows of committed ones. */
export async function writeRows(
  connection: RawConnection,
  {
    relids,
    random,
    until,
    written,
  }: {
    readonly relids: readonly number[]
    readonly random: Random
    readonly until: AbortSignal
    readonly written: (rows: readonly Written[]) => void
  },
): Promise<void> {
  while (!until.aborted) {
    const rows: Written[] = []
    const gid = random(12) === 0 ? `g${nextId++}` : undefined
    try {
      await connection.query('BEGIN')
      for (let n = 1 + random(3); n > 0; n--) {
        if (random(3) === 0) await connection.query(`SELECT pg_sleep(${random(30) / 1000})`)
        rows.push(await writeRow(connection, relids[random(relids.length)] as number))
      }
      if (gid !== undefined) {
        await connection.query(`PREPARE TRANSACTION '${gid}'`)
        await connection.query(`SELECT pg_sleep(${random(40) / 1000})`)
        await connection.query(`COMMIT PREPARED '${gid}'`)
      } else if (random(15) === 0) {
        await connection.query('ROLLBACK')
        continue
      } else await connection.query('COMMIT')
    } catch {
      await connection.query('ROLLBACK')
      continue
    }
    written(rows)
    if (random(2) === 0) await connection.query(`SELECT pg_sleep(${random(20) / 1000})`)
  }
}

export async function writeRow(connection: RawConnection, relid: number): Promise<Written> {
  const id = nextId++
  const [row] = await connection.query(`SELECT write_row(${relid}, ${id})`)
  const { xid, ...made } = JSON.parse(row?.[0] ?? '') as Omit<Written, 'relid' | 'id'>
  return { relid, id, xid: Number(BigInt(xid) & 0xffffffffn), ...made }
}

/** One random change of a table or a type; PostgreSQL may refuse it. */
export function randomDdl(random: Random, columns: readonly string[]): string {
  const table = `t${1 + random(3)}`
  const n = nextName++
  const column = columns.length === 0 ? 'n' : (columns[random(columns.length)] as string)
  const type = random(2) === 0 ? 'k' : 'outer_k'
  const types = ['text', 'varchar(40)', 'int', 'bigint', 'numeric', 'numeric(12,1)', 'd0', 'k', 'k[]', 'mood0'] as const
  const keys = ['(id)', '(id2)', '(id, id2)', '(id2, id)'] as const
  const choices = [
    () => `ALTER TABLE ${table} ADD COLUMN c${n} ${types[random(types.length)]}`,
    () => `ALTER TABLE ${table} ADD COLUMN c${n} text DEFAULT 'x'`,
    () => `ALTER TABLE ${table} ADD COLUMN c${n} text DEFAULT md5(random()::text)`,
    () => `ALTER TABLE ${table} DROP COLUMN ${column}`,
    () => `ALTER TABLE ${table} RENAME ${column} TO c${n}`,
    () => `ALTER TABLE ${table} ALTER ${column} TYPE text`,
    () => `ALTER TABLE ${table} ALTER ${column} TYPE varchar(${20 + random(50)})`,
    () => `ALTER TABLE ${table} ALTER ${column} TYPE bigint`,
    () => `BEGIN; ALTER TABLE ${table} DROP COLUMN ${column}; ALTER TABLE ${table} ADD COLUMN ${column} text; COMMIT`,
    () => `ALTER TYPE ${type} ADD ATTRIBUTE a${n} text`,
    () => `ALTER TYPE ${type} DROP ATTRIBUTE IF EXISTS a${n - 1 - random(20)}`,
    () => `ALTER TYPE k RENAME ATTRIBUTE ${['p', 'q', `p${n - 1}`][random(3)]} TO p${n}`,
    () => `ALTER TYPE k DROP ATTRIBUTE q`,
    () => `ALTER TABLE ${table} REPLICA IDENTITY ${['FULL', 'DEFAULT'][random(2)]}`,
    () => `ALTER TABLE ${table} DROP CONSTRAINT ${table}_pkey, ADD PRIMARY KEY ${keys[random(4)]}`,
    () =>
      `BEGIN; CREATE DOMAIN d${n} AS ${['int', 'text', 'numeric'][random(3)]}; ALTER TABLE ${table} ADD COLUMN c${n} d${n}; COMMIT`,
    () => `CREATE TYPE mood${n} AS ENUM ('m${n}'); ALTER TABLE ${table} ADD COLUMN c${n} mood${n}`,
    () =>
      `BEGIN; CREATE TYPE mood${n} AS ENUM ('m${n}'); ALTER TABLE ${table} ADD COLUMN c${n} mood${n}; COMMIT; DROP TYPE mood${n - 1 - random(30)} CASCADE`,
    () =>
      `BEGIN; CREATE TYPE k${n} AS (x text, y int); ALTER TABLE ${table} ADD COLUMN c${n} k${n}; COMMIT; ALTER TYPE k${n} ADD ATTRIBUTE z text`,
    () => `CREATE INDEX ON ${table} (id2)`,
    () => `ANALYZE ${table}`,
    () => `COMMENT ON TABLE ${table} IS '${n}'`,
    () => `ALTER TABLE ${table} ALTER id2 SET DEFAULT ${n}`,
    () => `ALTER TABLE ${table} ALTER ${column} SET STATISTICS ${random(100)}`,
    () => `BEGIN; ALTER TABLE ${table} RENAME TO x${n}; ALTER TABLE x${n} RENAME TO ${table}; COMMIT`,
    () => `BEGIN; ALTER TABLE ${table} ADD COLUMN c${n} text; ROLLBACK`,
    () =>
      `BEGIN; SAVEPOINT s; ALTER TABLE ${table} DROP COLUMN ${column}; ROLLBACK TO s; ALTER TABLE ${table} ADD COLUMN c${n} int; COMMIT`,
    () => `VACUUM FULL ${table}`,
  ]
  return (choices[random(choices.length)] as () => string)()
}
