// Object mappers make their tables, find them as they made them, and change nothing the second time.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { drizzle } from 'drizzle-orm/node-postgres'
import { bigint, integer, pgTable, serial, text } from 'drizzle-orm/pg-core'
import { DataSource, EntitySchema } from 'typeorm'
import { TestServer } from '../server/test-server.ts'
import { installPackages } from '../services/python/python.ts'
import { PlainPostgres } from '../support/plain-postgres.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(async () => {
  await server?.[Symbol.asyncDispose]()
})

const url = (): string => `postgresql://root@127.0.0.1:${server.sqlPort}/defaultdb`

test('TypeORM synchronizes once, and finds nothing to do the second time', async () => {
  const entity = new EntitySchema<{ id: number; age: number; big: string; name: string }>({
    name: 'person',
    columns: {
      id: { type: 'int', primary: true, generated: true },
      age: { type: 'int', nullable: true },
      big: { type: 'bigint', default: 1 },
      name: { type: 'varchar', length: 20 },
    },
  })
  const source = new DataSource({ type: 'postgres', url: url(), entities: [entity] })
  await source.initialize()
  try {
    await source.synchronize()
    const people = source.getRepository(entity)
    await people.save({ age: 3, big: '5', name: 'Ada' })
    assert.deepEqual(await people.find(), [{ id: 1, age: 3, big: '5', name: 'Ada' }])
    const { upQueries } = await source.driver.createSchemaBuilder().log()
    assert.deepEqual(upQueries, [])
  } finally {
    await source.destroy()
  }
})

test('TypeORM finds nothing to do on tables that a job watches', async () => {
  const author = new EntitySchema<{ id: string; name: string; books: unknown[] }>({
    name: 'author',
    columns: {
      id: { type: 'uuid', primary: true, generated: 'uuid' },
      name: { type: 'text', unique: true },
    },
    relations: { books: { type: 'one-to-many', target: 'book', inverseSide: 'author' } },
  })
  const book = new EntitySchema<Record<string, unknown>>({
    name: 'book',
    columns: {
      id: { type: 'int', primary: true, generated: 'increment' },
      kind: { type: 'enum', enum: ['long', 'short'], default: 'long' },
      tags: { type: 'text', array: true, default: [] },
      more: { type: 'jsonb', nullable: true },
      price: { type: 'numeric', precision: 10, scale: 2, default: 0 },
      at: { type: 'timestamptz', createDate: true },
      pages: { type: 'smallint', nullable: true },
    },
    relations: { author: { type: 'many-to-one', target: 'author', inverseSide: 'books', onDelete: 'CASCADE' } },
    indices: [{ columns: ['at', 'kind'] }],
    checks: [{ expression: 'price >= 0' }],
  })
  await server.sql('CREATE DATABASE library')
  const library = url().replace(/defaultdb$/, 'library')
  const source = new DataSource({ type: 'postgres', url: library, entities: [author, book] })
  await source.initialize()
  try {
    await source.synchronize()
    await server.sql("CREATE CHANGEFEED FOR author, book INTO 'null://' WITH diff", 'library')
    const { upQueries } = await source.driver.createSchemaBuilder().log()
    assert.deepEqual(upQueries, [])
  } finally {
    await source.destroy()
  }
})

const reflected = `CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE person (id serial PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'x', mood mood, big bigint, at timestamptz DEFAULT now(),
  price numeric(10, 2) CHECK (price > 0), tags text[], half integer GENERATED ALWAYS AS (length(name::text)) STORED, UNIQUE (name, mood));
CREATE TABLE pet (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner integer REFERENCES person ON DELETE CASCADE, j jsonb);
CREATE INDEX pet_owner ON pet (owner DESC) WHERE owner > 5; CREATE INDEX pet_words ON pet USING gin (j);
COMMENT ON TABLE pet IS 'of a person'; COMMENT ON COLUMN pet.j IS 'more';
CREATE VIEW glad AS SELECT id, name FROM person WHERE mood = 'glad'; CREATE SEQUENCE loose AS integer INCREMENT 5;
CREATE POLICY own ON pet USING (owner = 1)`

/** What schema readers ask, each its own way, of the catalogues and of information_schema. */
const reflections = [
  `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'crdb_internal', 'changefeed') ORDER BY 1`,
  `SELECT table_name, table_type, is_insertable_into FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
  `SELECT * FROM (SELECT table_name, column_name, ordinal_position, column_default, is_nullable, data_type, udt_name, character_maximum_length, numeric_precision, numeric_precision_radix,
     numeric_scale, datetime_precision, is_identity, identity_generation, is_generated, generation_expression FROM information_schema.columns WHERE table_schema = 'public') c ORDER BY 1, 3`,
  `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum), a.attndims, t.typtype
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum`,
  `SELECT conrelid::regclass::text, conname, contype, condeferrable, condeferred, convalidated, pg_get_constraintdef(oid), confrelid::regclass::text, conkey, confkey, confdeltype FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2`,
  `SELECT tc.table_name, tc.constraint_type, tc.constraint_name, kcu.column_name FROM information_schema.table_constraints tc JOIN information_schema.key_column_usage kcu USING (constraint_schema, constraint_name) WHERE tc.table_schema = 'public' ORDER BY 1, 3, 4`,
  `SELECT rc.constraint_name, rc.unique_constraint_name, rc.delete_rule, ccu.table_name, ccu.column_name FROM information_schema.referential_constraints rc JOIN information_schema.constraint_column_usage ccu USING (constraint_schema, constraint_name) ORDER BY 1`,
  `SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 2`,
  `SELECT t.relname, i.relname, x.indisunique, x.indisprimary, x.indoption::text, am.amname, pg_get_expr(x.indpred, x.indrelid), x.indkey::text, x.indnkeyatts FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
     JOIN pg_class t ON t.oid = x.indrelid JOIN pg_am am ON am.oid = i.relam WHERE t.relnamespace = 'public'::regnamespace ORDER BY 2`,
  `SELECT t.typname, e.enumlabel FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid ORDER BY 1, e.enumsortorder`,
  `SELECT sequencename, data_type, start_value, increment_by, cycle FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1`,
  `SELECT sequence_name, data_type, increment FROM information_schema.sequences WHERE sequence_schema = 'public' ORDER BY 1`,
  `SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'`,
  `SELECT tablename, policyname, cmd, qual FROM pg_policies`,
  `SELECT c.relname, obj_description(c.oid, 'pg_class'), c.relkind, c.relhastriggers, c.relrowsecurity, c.relpersistence, c.reloptions FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1`,
  `SELECT extname, extversion FROM pg_extension ORDER BY 1`,
  `SELECT n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'`,
  `SELECT event_object_table, trigger_name FROM information_schema.triggers WHERE trigger_schema = 'public'`,
  'SHOW server_version_num',
  'SELECT current_schema(), current_schemas(false)',
]

test('queries that read schemas give of a watched database what they give on a plain PostgreSQL', async () => {
  await using plain = await PlainPostgres.start()
  await plain.sql('CREATE DATABASE library', 'postgres')
  await plain.sql(reflected, 'library')
  await server.sql('CREATE DATABASE reflected')
  await server.sql(reflected, 'reflected')
  await server.sql("CREATE CHANGEFEED FOR person, pet INTO 'null://'", 'reflected')
  const client = await server.connect('reflected')
  try {
    for (const sql of reflections) {
      const { rows } = await client.query({ text: sql, rowMode: 'array', types: { getTypeParser: () => String } })
      assert.deepEqual(rows, await plain.sql(sql, 'library'), sql)
    }
  } finally {
    await client.end()
  }
})

test('Drizzle reads and writes what it declares', async () => {
  await server.sql('CREATE TABLE "animal" ("id" serial PRIMARY KEY, "age" integer, "big" bigint, "name" text NOT NULL)')
  const animal = pgTable('animal', {
    id: serial().primaryKey(),
    age: integer(),
    big: bigint({ mode: 'bigint' }),
    name: text().notNull(),
  })
  const client = await server.connect()
  try {
    const db = drizzle(client)
    const [first] = await db.insert(animal).values({ age: 4, big: 1n, name: 'Rex' }).returning()
    assert.deepEqual(first, { id: 1, age: 4, big: 1n, name: 'Rex' })
    assert.deepEqual(await db.select().from(animal), [first])
  } finally {
    await client.end()
  }
})

test('reflection by queries as Prisma sends them, and what node-postgres expects of an int', async () => {
  const client = await server.connect()
  try {
    await client.query('CREATE TABLE reflected (id INTEGER PRIMARY KEY, n SERIAL NOT NULL, x numeric(5, 2))')
    const { rows } = await client.query(
      `SELECT column_name, udt_name, numeric_precision::int FROM information_schema.columns WHERE table_name = 'reflected' ORDER BY ordinal_position`,
    )
    assert.deepEqual(
      rows.map(({ column_name, udt_name }) => [column_name, udt_name]),
      [
        ['id', 'int4'],
        ['n', 'int4'],
        ['x', 'numeric'],
      ],
    )
    const one = await client.query('SELECT 1::int AS a, $1::int AS b, true::int AS c', [2])
    assert.deepEqual(one.rows, [{ a: 1, b: 2, c: 1 }])
    await client.query('CREATE TEMP TABLE ages (name varchar(10), age int)')
    assert.deepEqual((await client.query("INSERT INTO ages VALUES ('Ada', 3) RETURNING age")).rows, [{ age: 3 }])
    const plain = await client.query(
      "SELECT left('abc', 2::int) AS l, round(1.255, 2::int)::text AS r, '2020-01-01'::date + 1::int > now() AS d",
    )
    assert.deepEqual(plain.rows, [{ l: 'ab', r: '1.26', d: false }])
  } finally {
    await client.end()
  }
})

const python = `
import sys
from sqlalchemy import create_engine, MetaData, Table, Column, Integer, BigInteger, String, inspect, select
engine = create_engine(sys.argv[1])
made = MetaData()
t = Table('alchemy', made, Column('id', Integer, primary_key=True), Column('n', Integer), Column('b', BigInteger), Column('s', String(9)))
made.create_all(engine)
with engine.begin() as c:
    c.execute(t.insert(), [{'n': 1, 'b': 2, 's': 'x'}])
read = MetaData(); read.reflect(engine)
print(sorted(read.tables), [str(c.type) for c in read.tables['alchemy'].columns], inspect(engine).get_pk_constraint('alchemy')['constrained_columns'])
with engine.connect() as c:
    print(c.execute(select(read.tables['alchemy'])).all())
seen = inspect(engine)
for schema in seen.get_schema_names():
    for name in seen.get_table_names(schema) + seen.get_view_names(schema):
        for ask in (seen.get_columns, seen.get_pk_constraint, seen.get_foreign_keys, seen.get_indexes, seen.get_unique_constraints, seen.get_check_constraints, seen.get_table_comment):
            ask(name, schema)
        MetaData().reflect(engine, schema, views=True, only=[name])
made.create_all(engine)
print(seen.get_table_names(), seen.get_sequence_names(), [e['name'] for e in seen.get_enums()])
`

test('SQLAlchemy reflects the tables that it made', async (t) => {
  await using packages = installPackages(['sqlalchemy>=2,<3', 'psycopg[binary]>=3,<4'])
  if (packages.missing !== undefined) return t.skip(packages.missing)
  const made = spawnSync('python3', ['-c', python, url().replace('postgresql:', 'postgresql+psycopg:')], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: packages.dir },
    timeout: 180_000,
  })
  assert.equal(made.status, 0, made.stderr)
  assert.match(
    made.stdout,
    /'alchemy'.*\['INTEGER', 'INTEGER', 'BIGINT', 'VARCHAR\(9\)'\] \['id'\]\n\[\(1, 1, 2, 'x'\)\]\n\[.*'alchemy'.*\] \[.*'alchemy_id_seq'.*\]/,
  )
})
