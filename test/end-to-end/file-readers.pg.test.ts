// The folder of a changefeed as DuckDB reads it: lines of JSON and Parquet, while the changefeed runs and after its end.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import { StorageFeed } from '../feed/storage-feed.ts'
import { TestJob } from '../feed/test-job.ts'
import { TestServer } from '../server/test-server.ts'
import { namesIn } from '../support/read-folder.ts'
import { until } from '../support/until.ts'

/** DuckDB has binaries for the usual platforms only. */
const library = await import('@duckdb/node-api').catch((error: unknown) => String(error))
const skip = typeof library === 'string' && process.env['CI'] === undefined ? `no DuckDB here: ${library}` : false

let server: TestServer
let duckdb: DuckDBConnection
before(async () => {
  if (skip !== false) return
  if (typeof library === 'string') throw new Error(library)
  server = await TestServer.start()
  duckdb = await (await library.DuckDBInstance.create(':memory:')).connect()
})
after(async () => {
  duckdb?.closeSync()
  await server?.[Symbol.asyncDispose]()
})
const withinMs = 30_000

async function ask(sql: string): Promise<unknown> {
  return (await duckdb.runAndReadAll(sql)).getRowsJson()
}

function folderOf(path: string): string {
  return join(server.storeDir, 'extern', path)
}

test('DuckDB finds the last version of each row in the lines of JSON, also compressed', { skip }, async () => {
  for (const [compression, ending] of [
    ['', 'ndjson'],
    [", compression = 'gzip'", 'ndjson.gz'],
    [", compression = 'zstd'", 'ndjson.zst'],
  ] as const) {
    const table = `lines_${ending.replaceAll('.', '_')}`
    await server.sql(
      `CREATE TABLE ${table} (id INT PRIMARY KEY, name STRING); INSERT INTO ${table} SELECT i, 'row ' || i FROM generate_series(1, 3000) AS i`,
    )
    const statement = `CREATE CHANGEFEED FOR ${table} INTO 'nodelocal://1/${table}' WITH updated, min_checkpoint_frequency = '100ms'${compression}`
    const folder = folderOf(table)
    await using feed = await StorageFeed.open({ server, folder, statement })
    await feed.row(3000)
    await server.sql(`UPDATE ${table} SET name = 'new' WHERE id = 2; DELETE FROM ${table} WHERE id > 3`)
    await feed.row(3000 + 2998)
    const found = await ask(`
      SELECT key::VARCHAR, after ->> 'name' FROM (
        FROM read_json('${folder}/*/*-${table}-*.${ending}', format = 'newline_delimited',
          columns = {after: 'JSON', key: 'JSON', updated: 'DECIMAL(38, 10)'})
        QUALIFY row_number() OVER (PARTITION BY key ORDER BY updated DESC) = 1)
      WHERE after IS NOT NULL ORDER BY 1`)
    assert.deepEqual(found, [
      ['[1]', 'row 1'],
      ['[2]', 'new'],
      ['[3]', 'row 3'],
    ])
  }
})

test('DuckDB reads composite values as structs, also after their type got another attribute', { skip }, async () => {
  await server.sql(`
    CREATE TYPE pair AS (x INT4, label TEXT);
    CREATE TABLE structs (id INT8 PRIMARY KEY, one pair, many pair[]);
    INSERT INTO structs VALUES (1, (1, 'a, "b"'), ARRAY[(2, NULL)::pair, NULL]), (2, NULL, '{}')`)
  const [created] = await server.sql(
    `CREATE CHANGEFEED FOR structs INTO 'nodelocal://1/structs' WITH format = parquet, min_checkpoint_frequency = '100ms'`,
  )
  const job = new TestJob(server, String(created?.['job_id']))
  const files = `read_parquet('${folderOf('structs')}/*/*.parquet', union_by_name = true)`
  const found = (what: string, count: number): Promise<unknown> =>
    until(`${count} rows`, withinMs, async () => {
      const rows = await ask(`SELECT DISTINCT ${what} FROM ${files} ORDER BY id`).catch(() => [])
      return (rows as unknown[]).length === count ? rows : undefined
    })
  assert.deepEqual(await found('id, one.x, one.label, many', 2), [
    ['1', 1, 'a, "b"', [{ x: 2, label: null }, null]],
    ['2', null, null, []],
  ])
  // The rows that were there come again, because their values have another attribute now.
  await server.sql(`ALTER TYPE pair ADD ATTRIBUTE added BOOL; INSERT INTO structs VALUES (3, (3, 'c', true), NULL)`)
  assert.deepEqual(await found('id, one.x, one.added', 3), [
    ['1', 1, null],
    ['2', null, null],
    ['3', 3, true],
  ])
  await server.sql(`CANCEL JOB ${job.id}`)
})

test('DuckDB reads Parquet with the types of the columns, and an event for each change', { skip }, async () => {
  await server.sql(`
    CREATE TYPE mood AS ENUM ('happy', 'sad');
    CREATE TABLE typed (id INT8 PRIMARY KEY, small INT2, yes BOOL, half FLOAT8, price DECIMAL(30, 2), name STRING, at TIMESTAMPTZ, day DATE,
      raw BYTEA, doc JSONB, u UUID, list INT8[], words STRING[], m mood);
    INSERT INTO typed VALUES (1, -5, true, 0.5, 1234567890123456789012345678.90, 'é, "x"', '2026-01-31 12:00:00.123456+00', '2026-01-31', '\\x00ff',
      '{"a": [1, null]}', '33333333-3333-4400-8000-00000000000a', '{1,NULL,3}', '{"a,b",c}', 'happy');
    INSERT INTO typed (id) VALUES (2)`)
  const [created] = await server.sql(
    `CREATE CHANGEFEED FOR typed INTO 'nodelocal://1/typed' WITH format = parquet, updated, mvcc_timestamp, resolved, min_checkpoint_frequency = '100ms', compression = 'zstd'`,
  )
  const job = new TestJob(server, String(created?.['job_id']))
  const folder = folderOf('typed')
  const files = `read_parquet('${folder}/*/*.parquet', union_by_name = true)`
  const rows = async (count: number): Promise<unknown> =>
    until(`${count} rows`, withinMs, async () => {
      const [[found] = []] = (await ask(`SELECT count(*)::INT FROM ${files}`).catch(() => [])) as unknown[][]
      return found === count ? true : undefined
    })
  await rows(2)
  await server.sql(`DELETE FROM typed WHERE id = 1`)
  await rows(3)
  await server.sql(`ALTER TABLE typed ADD COLUMN later STRING DEFAULT 'x'`)
  await rows(4)
  assert.deepEqual(
    await ask(`SELECT id, small, yes, half, price, name, "at", day, hex(raw), doc, u::VARCHAR, list, words, m, __crdb__event_type
      FROM ${files} WHERE name IS NOT NULL`),
    [
      [
        '1',
        -5,
        true,
        0.5,
        '1234567890123456789012345678.90',
        'é, "x"',
        '2026-01-31 12:00:00.123456+00',
        '2026-01-31',
        '00FF',
        '{"a": [1, null]}',
        '33333333-3333-4400-8000-00000000000a',
        ['1', null, '3'],
        ['a,b', 'c'],
        'happy',
        'c',
      ],
    ],
  )
  assert.deepEqual(
    await ask(
      `SELECT id, __crdb__event_type, small, later FROM ${files} ORDER BY __crdb__updated::DECIMAL(38, 10), id`,
    ),
    [
      ['1', 'c', -5, null],
      ['2', 'c', null, null],
      ['1', 'd', null, null],
      ['2', 'c', null, 'x'],
    ],
  )
  assert.deepEqual(
    await ask(
      `SELECT DISTINCT typeof(id), typeof(small), typeof(yes), typeof(half), typeof(u), typeof(list) FROM ${files}`,
    ),
    [['BIGINT', 'INTEGER', 'BOOLEAN', 'DOUBLE', 'UUID', 'BIGINT[]']],
  )
  await job.cancel()
  assert.ok(namesIn(folder).some((name) => name.endsWith('.RESOLVED')))
})

test(
  'DuckDB finds the values of every type in Parquet as PostgreSQL prints them, at their limits, too',
  { skip },
  async () => {
    // The type in PostgreSQL, that of the column for DuckDB, and values.
    const types = [
      ['INT2', 'INTEGER', ['-32768', '32767']],
      ['INT4', 'INTEGER', ['-2147483648', '2147483647']],
      ['INT8', 'BIGINT', ['-9223372036854775808', '9223372036854775807', '0', '-1', '4294967296']],
      ['FLOAT4', 'FLOAT', ['0.5', '-3.4028235e+38', 'NaN', 'Infinity']],
      ['FLOAT8', 'DOUBLE', ['1e-05', '1.7976931348623157e+308', 'NaN', '-Infinity']],
      ['BOOL', 'BOOLEAN', ['true', 'false']],
      ['UUID', 'UUID', ['33333333-3333-4400-8000-00000000000a', 'ffffffff-ffff-ffff-ffff-ffffffffffff']],
      ['BYTEA', 'BLOB', ['\\x00ff', '\\x']],
      ['DECIMAL(38, 10)', 'VARCHAR', ['1234567890123456789012345678.0123456789', 'NaN']],
      ['STRING', 'VARCHAR', ['', 'é "x"\n\t', '\u{1f600}']],
      ['CHAR(3)', 'VARCHAR', ['a  ']],
      ['JSONB', 'VARCHAR', ['{"a": [1, null]}', 'null']],
      ['INET', 'VARCHAR', ['10.0.0.0/8', '::1/64']],
      ['DATE', 'VARCHAR', ['2026-01-31', 'infinity', '0044-03-15 BC']],
      ['TIME', 'VARCHAR', ['23:59:59.999999']],
      ['TIMETZ', 'VARCHAR', ['12:00:00+05:30']],
      ['TIMESTAMP', 'VARCHAR', ['2026-01-31 12:00:00.123456']],
      ['TIMESTAMPTZ', 'VARCHAR', ['2026-01-31 12:00:00.123456+00']],
      ['INTERVAL', 'VARCHAR', ['1 year 2 mons 3 days 04:05:06']],
      ['VARBIT', 'VARCHAR', ['10110']],
      ['INT4[]', 'INTEGER[]', ['{}', '{1,NULL,-3}']],
      ['STRING[]', 'VARCHAR[]', ['{"a,b","NULL",NULL,""}']],
      ['DECIMAL[]', 'VARCHAR[]', ['{1.50,NULL}']],
    ] as const
    const deepest = Math.max(...types.map(([, , values]) => values.length))
    const named = types.map(([type], i) => `c${i} ${type}`).join()
    const rows = Array.from({ length: deepest + 1 }, (_, row) =>
      [row, ...types.map(([, , values]) => (values[row] === undefined ? 'NULL' : `'${values[row]}'`))].join(),
    )
    await server.sql(
      `CREATE TABLE limits (id INT8 PRIMARY KEY, ${named}); INSERT INTO limits VALUES (${rows.join('), (')})`,
    )
    const [created] = await server.sql(
      `CREATE CHANGEFEED FOR limits INTO 'nodelocal://1/limits' WITH format = parquet, initial_scan = 'only', compression = 'gzip'`,
    )
    await new TestJob(server, String(created?.['job_id'])).reaches('succeeded')
    const files = `read_parquet('${folderOf('limits')}/*/*.parquet')`
    const typesThere = (await ask(
      `SELECT ${types.map((_, i) => `typeof(c${i})`).join()} FROM ${files} LIMIT 1`,
    )) as string[][]
    assert.deepEqual(
      typesThere[0],
      types.map(([, type]) => type),
    )
    const shown = types.map(([, type], i) => (type === 'BLOB' ? `lower(hex(c${i}))` : `c${i}::VARCHAR`))
    const found = (await ask(`SELECT ${shown.join()} FROM ${files} ORDER BY id`)) as (string | null)[][]
    const texts = types.map(([type], i) => (type === 'BYTEA' ? `encode(c${i}, 'hex')` : `c${i}::text`)).join()
    const there = (await server.sql(`SELECT ARRAY[${texts}] AS row FROM limits ORDER BY id`)).map(
      ({ row }) => row as (string | null)[],
    )
    // What the two print in different ways.
    const alike = (text: string | null): string | null =>
      text === null
        ? null
        : /^[-+\d.e]+$/i.test(text) && text.includes('e')
          ? String(Number(text))
          : text
              .toLowerCase()
              .replace(/^(-?)inf(inity)?$/, '$1inf')
              .replace(/[{}[\]"\s']/g, '')
    assert.deepEqual(
      found.map((row) => row.map(alike)),
      there.map((row) => row.map(alike)),
    )
  },
)

test('Parquet with diff has the row before each change as JSON, and says whether a row is new', { skip }, async () => {
  await server.sql(
    `CREATE TABLE told (id INT8 PRIMARY KEY, name STRING, doc JSONB); INSERT INTO told VALUES (1, 'a', '{"x": 1}')`,
  )
  const [created] = await server.sql(
    `CREATE CHANGEFEED FOR told INTO 'nodelocal://1/told' WITH format = parquet, diff, updated, mvcc_timestamp, min_checkpoint_frequency = '100ms'`,
  )
  const job = new TestJob(server, String(created?.['job_id']))
  const files = `read_parquet('${folderOf('told')}/*/*.parquet')`
  const count = async (): Promise<unknown> =>
    ((await ask(`SELECT count(*)::INT FROM ${files}`).catch(() => [])) as unknown[][])[0]?.[0]
  for (const [i, statement] of [
    'SELECT 1',
    `UPDATE told SET name = 'b "c"' WHERE id = 1`,
    `INSERT INTO told VALUES (2, NULL, NULL)`,
    `DELETE FROM told WHERE id = 1`,
  ].entries()) {
    await server.sql(statement)
    await until(`${i + 1} rows`, withinMs, async () => ((await count()) === i + 1 ? true : undefined))
  }
  assert.deepEqual(
    await ask(
      `SELECT __crdb__event_type, id, name, __crdb__before FROM ${files} ORDER BY __crdb__updated::DECIMAL(38, 10)`,
    ),
    [
      ['c', '1', 'a', null],
      ['u', '1', 'b "c"', '{"doc": {"x": 1}, "id": 1, "name": "a"}'],
      ['c', '2', null, null],
      ['d', '1', null, '{"doc": {"x": 1}, "id": 1, "name": "b \\"c\\""}'],
    ],
  )
  assert.deepEqual(
    await ask(
      `SELECT bool_and(__crdb__updated = __crdb__mvcc_timestamp) FROM ${files} WHERE __crdb__event_type <> 'c'`,
    ),
    [[true]],
  )
  await job.cancel()
})

test('a table is exported as Parquet in files of file_size, with every row once', { skip }, async () => {
  await server.sql(
    `CREATE TABLE exported (id INT8 PRIMARY KEY, text STRING); INSERT INTO exported SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 5000) AS i`,
  )
  const [created] = await server.sql(
    `CREATE CHANGEFEED FOR exported INTO 'nodelocal://1/exported?file_size=500KB' WITH format = parquet, initial_scan = 'only'`,
  )
  await new TestJob(server, String(created?.['job_id'])).reaches('succeeded')
  const folder = folderOf('exported')
  assert.ok(namesIn(folder).length >= 6, `${namesIn(folder).length} files`)
  assert.deepEqual(
    await ask(
      `SELECT count(*)::INT, count(DISTINCT id)::INT, min(length(text))::INT FROM read_parquet('${folder}/*/*.parquet')`,
    ),
    [[5000, 5000, 640]],
  )
})

test('DuckDB reads CSV files with their header', { skip }, async () => {
  await server.sql(
    `CREATE TABLE sheet (z INT8 PRIMARY KEY, "a,b" STRING); INSERT INTO sheet VALUES (1, 'x "y"'), (2, NULL)`,
  )
  const [created] = await server.sql(
    `CREATE CHANGEFEED FOR sheet INTO 'nodelocal://1/sheet' WITH format = csv, csv_header, initial_scan = 'only'`,
  )
  await new TestJob(server, String(created?.['job_id'])).reaches('succeeded')
  assert.deepEqual(
    await ask(
      `SELECT z, "a,b" FROM read_csv('${folderOf('sheet')}/*/*.csv', header = true, nullstr = 'NULL') ORDER BY z`,
    ),
    [
      ['1', 'x "y"'],
      ['2', null],
    ],
  )
})
