// Object mappers make their tables, find them as they made them, and change nothing the second time.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { drizzle } from 'drizzle-orm/node-postgres'
import { bigint, integer, pgTable, serial, text } from 'drizzle-orm/pg-core'
import { DataSource, EntitySchema } from 'typeorm'
import { TestServer } from '../server/test-server.ts'
import { installPackages } from '../services/python/python.ts'

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
`

test('SQLAlchemy reflects the tables that it made', async (t) => {
  await using packages = installPackages(['sqlalchemy>=2,<3', 'psycopg[binary]>=3,<4'])
  if (packages.missing !== undefined) return t.skip(packages.missing)
  const made = spawnSync('python3', ['-c', python, url().replace('postgresql:', 'postgresql+psycopg:')], {
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: packages.dir },
    timeout: 60_000,
  })
  assert.equal(made.status, 0, made.stderr)
  assert.match(
    made.stdout,
    /'alchemy'.*\['INTEGER', 'INTEGER', 'BIGINT', 'VARCHAR\(9\)'\] \['id'\]\n\[\(1, 1, 2, 'x'\)\]/,
  )
})
