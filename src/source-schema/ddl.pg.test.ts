// What DDL does to watched tables: every command that would make their rows incomplete, or their application's writes
// fail, is answered in its own transaction; and a command elsewhere is not hindered.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import type { TableDescription } from '../core/table.ts'
import { catalogueSql, type Answer } from '../plan/catalogue.ts'
import { identityChange } from '../plan/identity.ts'
import { needsVersion } from '../../test/support/servers/server-of-tests.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { giveBackTables } from '../ingest/give-back.ts'
import { sqlOf } from './sql-files.ts'
import { install } from './source-schema.ts'
import { watchTables } from '../ingest/watch.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

async function watch(db: TestDatabase, table: string): Promise<void> {
  const [row] = await db.sql(`SELECT '${table}'::regclass::oid`)
  await watchTables(db.source, [{ relid: Number(row?.[0]) }])
}

async function described(db: TestDatabase, table: string): Promise<TableDescription> {
  const [row] = await db.sql(`SELECT description FROM changefeed.watched WHERE relid = '${table}'::regclass`)
  return JSON.parse(row?.[0] ?? 'null') as TableDescription
}

async function identity(db: TestDatabase, table: string): Promise<string | null | undefined> {
  return (await db.sql(`SELECT relreplident FROM pg_class WHERE oid = '${table}'::regclass`))[0]?.[0]
}

const lessComplete = [
  'ALTER TABLE t ADD COLUMN big text',
  'ALTER TABLE t ALTER m TYPE numeric',
  'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id) DEFERRABLE',
  'ALTER TABLE t DROP CONSTRAINT t_pkey',
  'ALTER TABLE parent ADD COLUMN big text',
  'DO $$ BEGIN EXECUTE $s$ALTER TABLE t ADD COLUMN big jsonb$s$; END $$',
]

test('a command that would make rows incomplete gives the table REPLICA IDENTITY FULL, and it is described so', async () => {
  for (const sql of lessComplete) {
    await using db = await server.database()
    await db.sql('CREATE TABLE parent (n int); CREATE TABLE t (id int PRIMARY KEY, m int) INHERITS (parent)')
    await watch(db, 't')
    assert.equal(await identity(db, 't'), 'd')
    await db.sql(sql)
    assert.equal(await identity(db, 't'), 'f', sql)
    assert.equal((await described(db, 't')).identity, 'f', sql)
    await db.sql('INSERT INTO t (id, n) VALUES (1, 1); UPDATE t SET n = 2; DELETE FROM t')
  }
})

test('a table of a type is described, and its rows stay complete, when the type is changed with CASCADE', async () => {
  await using db = await server.database()
  await db.sql('CREATE TYPE r AS (id int, n int); CREATE TABLE t OF r (PRIMARY KEY (id))')
  await watch(db, 't')
  await db.sql('ALTER TYPE r ADD ATTRIBUTE big text CASCADE')
  const { columns, identity: is } = await described(db, 't')
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['id', 'n', 'big'],
  )
  assert.equal(is, 'f')
  await db.sql('ALTER TYPE r RENAME ATTRIBUTE n TO m CASCADE')
  assert.equal((await described(db, 't')).columns[1]?.name, 'm')
})

test(
  'what would make the application fail or rows incomplete, and cannot be put right, is refused with the reason',
  {
    skip: needsVersion(18),
  },
  async () => {
    await using db = await server.database()
    await db.sql('CREATE TABLE t (id int PRIMARY KEY, s text); CREATE TABLE u (id int PRIMARY KEY, n int)')
    await db.sql('ALTER TABLE t REPLICA IDENTITY FULL; CREATE UNIQUE INDEX other ON u (id)')
    await watch(db, 't')
    await watch(db, 'u')
    const refused = { sqlstate: '55006', hint: /UNWATCH TABLE public\.[tu] gives it back/ }
    await assert.rejects(db.sql('ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (id * 2) VIRTUAL'), {
      ...refused,
      message: /virtual generated column v/,
    })
    await assert.rejects(db.sql('ALTER TABLE t REPLICA IDENTITY DEFAULT'), refused)
    await assert.rejects(db.sql('ALTER TABLE u REPLICA IDENTITY NOTHING'), refused)
    await assert.rejects(db.sql('ALTER TABLE u REPLICA IDENTITY USING INDEX other'), refused)
    // Under the default identity such a column hurts nobody, until a column comes that needs another.
    await db.sql('ALTER TABLE u ADD COLUMN v int GENERATED ALWAYS AS (id * 2) VIRTUAL')
    await assert.rejects(db.sql('ALTER TABLE u ADD COLUMN big text'), refused)
    await db.sql(`INSERT INTO t VALUES (1, 'a'); UPDATE t SET s = 'b'; DELETE FROM t`)
    await db.sql('INSERT INTO u VALUES (1, 1); UPDATE u SET n = 2; DELETE FROM u')
    // Given back, it is the application's own again.
    const nobody = async (): Promise<ReadonlySet<number>> => new Set()
    assert.equal((await giveBackTables(db.source, { needed: nobody })).given, 2)
    await db.sql('ALTER TABLE t REPLICA IDENTITY DEFAULT')
    await db.sql('ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (id * 2) VIRTUAL')
    await db.sql(`INSERT INTO t VALUES (1, 'a'); UPDATE t SET s = 'b'; ALTER TABLE t SET UNLOGGED`)
  },
)

test('the rule of the plan and the rule of the source say the same of every table', async () => {
  await using db = await server.database()
  const connection = await db.connect()
  await install(connection)
  let count = 0
  for (const column of ['int', 'text', 'numeric', 'numeric(5, 2)', 'varchar(10)', 'varchar(3000)', 'int[]', 'uuid']) {
    for (const key of ['PRIMARY KEY', 'PRIMARY KEY DEFERRABLE']) {
      for (const clause of ['DEFAULT', 'NOTHING', 'FULL', 'USING INDEX i']) {
        const table = `t${++count}`
        await connection.query(
          `CREATE TABLE ${table} (id int ${key}, o int NOT NULL, c ${column}); CREATE UNIQUE INDEX i ON ${table} (o); ALTER TABLE ${table} REPLICA IDENTITY ${clause}; DROP INDEX IF EXISTS never`,
        )
        const answer = await connection.query(catalogueSql([{ schema: 'public', name: table }], []))
        const [facts] = (JSON.parse(answer[0]?.[0] ?? '') as Answer).found
        assert.ok(facts)
        const [row] = await connection.query(`SELECT changefeed.is_incomplete('${table}'::regclass)`)
        assert.equal(row?.[0] === 't', identityChange(facts, false) !== undefined, `${column} ${key} ${clause}`)
        await connection.query(`DROP TABLE ${table}`)
      }
    }
  }
  await connection.close()
})

test('who changes a composite type waits for open writers, or is told how to; descriptions are of one moment', async () => {
  await using db = await server.database()
  await db.sql(
    `CREATE TYPE c AS (x int, y int); CREATE DOMAIN d AS c; CREATE TYPE w AS (cs d[]); CREATE TABLE t (id int PRIMARY KEY, v w, n int)`,
  )
  await watch(db, 't')
  const fields = async (): Promise<string> => JSON.stringify((await described(db, 't')).columns[1]?.shape)
  const writer = await db.connect()
  await writer.query('BEGIN; INSERT INTO t VALUES (1)')
  await assert.rejects(db.sql('ALTER TYPE c ADD ATTRIBUTE z int'), {
    sqlstate: '55P03',
    hint: /LOCK TABLE ONLY public\.t/,
  })
  await writer.query('COMMIT')
  // One that changes a type, and one that changes the table meanwhile.
  const first = await db.connect()
  await first.query('BEGIN; ALTER TYPE c ADD ATTRIBUTE z int')
  const second = db.sql('ALTER TABLE t ADD COLUMN more int')
  await within(
    5000,
    'a lock that waits',
    async () => (await db.sql(`SELECT FROM pg_locks WHERE relation = 't'::regclass AND NOT granted`)).length > 0,
  )
  await first.query('COMMIT')
  await second
  assert.match(await fields(), /"z"/)
  assert.deepEqual(
    (await described(db, 't')).columns.map(({ name }) => name),
    ['id', 'v', 'n', 'more'],
  )
  // A table that is taken under watch while its type is changed.
  await db.sql('CREATE TABLE late (id int PRIMARY KEY, v c)')
  await first.query('BEGIN; ALTER TYPE c ADD ATTRIBUTE q int')
  const watched = watch(db, 'late')
  await within(
    5000,
    'a watch that waits',
    async () => (await db.sql(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)).length > 0,
  )
  await first.query('COMMIT')
  await watched
  assert.match(JSON.stringify(await described(db, 'late')), /"q"/)
  // The row type of another table as a column.
  await db.sql('CREATE TABLE base (a int); CREATE TABLE user_of (id int PRIMARY KEY, b base[])')
  await watch(db, 'user_of')
  await db.sql('ALTER TABLE base RENAME a TO renamed')
  assert.match(JSON.stringify(await described(db, 'user_of')), /"renamed"/)
  await first.close()
  await writer.close()
})

const elsewhere = [
  'DROP TABLE other CASCADE',
  'DROP TYPE k CASCADE',
  'DROP FUNCTION one() CASCADE',
  'ALTER SCHEMA s RENAME TO r',
  'ALTER TABLE parent RENAME a TO renamed',
  'ALTER TABLE root ADD COLUMN more int',
  'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a)',
  'ALTER TABLE root ATTACH PARTITION leaf DEFAULT',
  'DROP EXTENSION citext CASCADE',
  'DROP OWNED BY maker CASCADE',
  'ALTER TYPE s.named RENAME TO other_name',
  'ALTER DOMAIN s.dom RENAME TO other_name',
]

test('every way to change a watched table ends in the description that the table has', async () => {
  await db0()
  for (const sql of elsewhere) {
    await using db = await server.database()
    await db.sql(`CREATE SCHEMA s; CREATE TABLE other (a int); CREATE TYPE k AS (a int); CREATE EXTENSION citext;
      CREATE TYPE s.named AS ENUM ('a'); CREATE DOMAIN s.dom AS int;
      CREATE FUNCTION one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
      CREATE TABLE parent (a int NOT NULL); CREATE TABLE root (id int PRIMARY KEY) PARTITION BY LIST (id);
      CREATE TABLE part PARTITION OF root FOR VALUES IN (1); CREATE TABLE leaf (id int NOT NULL);
      GRANT ALL ON SCHEMA public TO maker; SET ROLE maker; CREATE TYPE made AS ENUM ('a'); RESET ROLE;
      CREATE TABLE t (id int PRIMARY KEY, o other, k k[], f int DEFAULT one(), e citext, m made, n s.named, d s.dom) INHERITS (parent);
      CREATE TABLE s.t (id int PRIMARY KEY)`)
    for (const table of ['t', 's.t', 'part']) await watch(db, table)
    await db.sql('ALTER TABLE leaf ADD PRIMARY KEY (id)')
    await watch(db, 'leaf')
    await db.sql(sql)
    assert.deepEqual(
      await db.sql(
        'SELECT relid::regclass, changefeed.describe(relid), description FROM changefeed.watched WHERE changefeed.describe(relid) IS DISTINCT FROM description',
      ),
      [],
      sql,
    )
  }
})

test('a description says what rows have that are older than a column, as rows print, until they are written anew', async () => {
  await using db = await server.database()
  await db.sql(
    `CREATE DOMAIN seven AS int DEFAULT 7; CREATE TYPE two AS (x int, y text); CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)`,
  )
  await watch(db, 't')
  const settings = `SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET extra_float_digits = -10; SET bytea_output = 'escape'; SET IntervalStyle = 'sql_standard'`
  const added: readonly (readonly [string, string | null])[] = [
    ['int', null],
    ['int DEFAULT NULL', null],
    ['int DEFAULT 7', '7'],
    [`text DEFAULT ''`, ''],
    [`text DEFAULT 'a, "b" {c}'`, 'a, "b" {c}'],
    ['seven', '7'],
    [`int[] DEFAULT '{1,NULL}'`, '{1,NULL}'],
    [`text[] DEFAULT '{"a b",c}'`, '{"a b",c}'],
    [`two DEFAULT (1, 'a b')`, '(1,"a b")'],
    [`timestamptz DEFAULT '2020-01-02 03:04:05+00'`, '2020-01-02 03:04:05+00'],
    ['float8 DEFAULT 0.1', '0.1'],
    [`bytea DEFAULT '\\x00'`, '\\x00'],
    [`interval DEFAULT '1 day 2 hours'`, '1 day 02:00:00'],
    ['boolean DEFAULT true NOT NULL', 't'],
  ]
  for (const [i, [type]] of added.entries()) await db.sql(`${settings}; ALTER TABLE t ADD COLUMN c${i} ${type}`)
  const missing = async (): Promise<readonly unknown[]> =>
    (await described(db, 't')).columns.slice(1).map((c) => c.missing)
  assert.deepEqual(
    await missing(),
    added.map(([, text]) => text),
  )
  // A later default is none for the rows that are there.
  await db.sql('ALTER TABLE t ALTER c0 SET DEFAULT 9')
  assert.equal((await missing())[0], null)
  // VACUUM FULL runs no event trigger. A look around does not lock the table for it.
  await db.sql('VACUUM FULL t')
  const writer = await db.connect()
  await writer.query('BEGIN; INSERT INTO t (id) VALUES (2)')
  const [look] = await db.sql(`SELECT are_done, missed FROM changefeed.look(0, 100, '{}')`)
  assert.deepEqual(look, ['t', '{}'])
  await writer.close()
  await db.sql('ALTER TABLE t ADD COLUMN i int GENERATED BY DEFAULT AS IDENTITY')
  assert.deepEqual(await missing(), [...added.map(() => null), null])
  assert.equal((await described(db, 't')).columns.at(-1)?.identity, 'd')
})

async function db0(): Promise<void> {
  await using db = await server.database()
  await db.sql('CREATE ROLE maker')
}

test('an error of ours does not make a command of somebody else fail', async () => {
  await using db = await server.database()
  await db.sql('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE other (id int)')
  await watch(db, 't')
  await db.sql(`${sqlOf(['release'])}DROP TABLE changefeed.watched CASCADE`)
  await db.sql('ALTER TABLE other ADD COLUMN a int; DROP TABLE other; CREATE PUBLICATION p; DROP PUBLICATION p')
})
