// CSV of real tables: the bytes, and PostgreSQL's COPY as the reader that must get the same rows back.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { TestJob } from '../../../test/feed/test-job.ts'
import { TestServer } from '../../../test/server/test-server.ts'
import { formatSuite, type Texts } from '../../../test/suites/format-suite.ts'
import { typeCases, typeSetUp } from '../../../test/support/type-cases.ts'

/** The fields of one line; null is NULL. */
function fields(line: string): Texts {
  const found: (string | null)[] = []
  for (const [, quoted, plain] of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)) {
    found.push(quoted?.replaceAll('""', '"') ?? (plain === 'NULL' ? null : (plain ?? '')))
  }
  return found
}

formatSuite('csv', {
  row: (bytes) => fields(bytes?.toString() ?? ''),
})

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(async () => server?.[Symbol.asyncDispose]())

interface Row {
  readonly table: string
  readonly key: Buffer
  readonly value: Buffer
}

async function read(tables: string, options = "initial_scan = 'only'"): Promise<readonly Row[]> {
  const rows = await server.sql(`CREATE CHANGEFEED FOR ${tables} WITH format = csv, ${options}`)
  return rows as unknown as readonly Row[]
}

test('a message is a line of the columns in the order of the table, and its key is empty', async () => {
  await server.sql(`
    CREATE TYPE address AS (street text, number int8);
    CREATE TABLE kinds (z INT8 PRIMARY KEY, yes BOOL, no BOOL, price DECIMAL(9, 2), at TIMESTAMPTZ, bytes BYTEA,
      list INT8[], home address, doc JSONB, half FLOAT8, nothing STRING, a STRING, sum INT8 GENERATED ALWAYS AS (z + 1) STORED);
    INSERT INTO kinds VALUES (1, true, false, 1.5, '2019-01-02 03:04:05+00', '\\x00ff', '{1,2}', ROW('Main St', 7),
      '{"a": [1, "x"]}', 100000, NULL, 'say "hi"')`)
  const [row, ...others] = await read('kinds')
  assert.deepEqual(others, [])
  assert.equal(
    row?.value.toString(),
    String.raw`1,true,false,1.50,2019-01-02 03:04:05+00,\x00ff,"{1,2}","(""Main St"",7)","{""a"": [1, ""x""]}",100000,NULL,"say ""hi""",2`,
  )
  assert.equal(row?.table, 'kinds')
  // Not NULL, which is the key of a resolved message.
  assert.deepEqual(row?.key, Buffer.alloc(0))
})

test('the lines of several tables come by table, also with envelope = row and full table names', async () => {
  await server.sql(`
    CREATE TABLE one (a INT8 PRIMARY KEY, b STRING); INSERT INTO one VALUES (1, 'x'), (2, 'y');
    CREATE TABLE other (a INT8 PRIMARY KEY); INSERT INTO other VALUES (3)`)
  const rows = await read('one, other', 'initial_scan_only, envelope = row, full_table_name')
  assert.deepEqual(rows.map(({ table, value }) => `${table} ${value.toString()}`).sort(), [
    'defaultdb.public.one 1,x',
    'defaultdb.public.one 2,y',
    'defaultdb.public.other 3',
  ])
})

test('a job into null:// ends by itself', async () => {
  await server.sql('CREATE TABLE into_null (a INT8 PRIMARY KEY); INSERT INTO into_null VALUES (1)')
  const [created] = await server.sql(
    "CREATE CHANGEFEED FOR into_null INTO 'null://' WITH format = csv, initial_scan = 'only'",
  )
  await new TestJob(server, String(created?.['job_id'])).reaches('succeeded')
})

test('rows as of a cursor are written as they were', async () => {
  await server.sql("CREATE TABLE past (a INT8 PRIMARY KEY, b STRING); INSERT INTO past VALUES (1, 'then'), (2, 'gone')")
  // The table is recorded from its first changefeed on.
  await read('past')
  const [now] = await server.sql('SELECT cluster_logical_timestamp()::text AS now')
  await server.sql(
    "UPDATE past SET b = 'now' WHERE a = 1; DELETE FROM past WHERE a = 2; INSERT INTO past VALUES (3, 'new')",
  )
  const rows = await read('past', `initial_scan = 'only', cursor = '${String(now?.['now'])}'`)
  assert.deepEqual(rows.map(({ value }) => value.toString()).sort(), ['1,then', '2,gone'])
})

test('PostgreSQL reads every type back from the lines', async () => {
  await server.sql(`${typeSetUp}; CREATE TABLE every_type (id INT PRIMARY KEY)`)
  const tables = [...Map.groupBy(typeCases, ([type]) => type)].map(([type, cases], i) => ({
    name: `of${i}`,
    type,
    cases,
  }))
  for (const { name, type, cases } of tables) {
    const inserts = cases.map(([, sql], i) => `INSERT INTO ${name} VALUES (${i}, ${sql})`)
    await server.sql(`CREATE TABLE ${name} (id INT PRIMARY KEY, v ${type}); ${inserts.join(';')}`)
  }
  const rows = await read(tables.map(({ name }) => name).join(', '))
  assert.equal(rows.length, typeCases.length)
  for (const { name, type } of tables) {
    const file = join(server.storeDir, `${name}.csv`)
    const lines = rows.filter(({ table }) => table === name).map(({ value }) => value.toString())
    await writeFile(file, lines.map((line) => `${line}\n`).join(''))
    await server.sql(`CREATE TABLE copy_${name} (id INT PRIMARY KEY, v ${type})`)
    await server.sql(`COPY copy_${name} FROM '${file}' (FORMAT csv, NULL 'NULL')`)
    const [original, copy] = await Promise.all(
      [name, `copy_${name}`].map((table) => server.sql(`SELECT id, v::text FROM ${table} ORDER BY id`)),
    )
    assert.deepEqual(copy, original, `${type}: ${lines.join(' | ')}`)
  }
})
