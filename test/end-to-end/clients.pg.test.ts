// Other people's clients through the front: everything that is not ours passes as if it were not there.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { jdbcClassPath, skipWithoutJdbc } from '../services/jdbc/jdbc.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
let url: string
before(async () => {
  server = await TestServer.start()
  url = `postgresql://root@localhost:${server.sqlPort}/defaultdb?sslmode=disable`
  await server.sql('CREATE TABLE dogs (id INT PRIMARY KEY, name STRING NOT NULL, born DATE)')
  await server.sql("INSERT INTO dogs VALUES (1, 'Petee', '2020-01-02'), (2, 'Carl', NULL)")
})
after(() => server[Symbol.asyncDispose]())

/** Where Debian and others put PostgreSQL's client programs. */
function find(name: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(':'),
    ...[18, 17, 16, 15, 14].map((n) => `/usr/lib/postgresql/${n}/bin`),
  ]
  return folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path))
}

function run(name: string, args: readonly string[], input = ''): { readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(find(name) ?? name, args, {
    input,
    encoding: 'utf8',
    timeout: 180_000,
    env: { ...process.env, LC_ALL: 'C' },
  })
  assert.equal(status, 0, stderr)
  return { stdout, stderr }
}

const psql = { skip: find('psql') === undefined ? 'psql is not installed' : false }
const pgbench = { skip: find('pgbench') === undefined ? 'pgbench is not installed' : false }

test('psql: queries, \\d, \\copy, transactions over several statements, a changefeed that ends', psql, () => {
  const { stdout, stderr } = run(
    'psql',
    ['-X', '-A', '-t', url],
    `SELECT name FROM dogs ORDER BY id;
\\d dogs
\\dt
BEGIN; INSERT INTO dogs VALUES (3, 'Ernie', NULL); ROLLBACK;
SELECT count(*) FROM dogs \\; SELECT 'second';
\\copy dogs (id, name) FROM STDIN
4\tLucky
\\.
\\copy (SELECT id, name FROM dogs WHERE id = 4) TO STDOUT
CREATE TABLE tags (tag STRING);
\\copy tags FROM STDIN
good
\\.
\\copy tags TO STDOUT
SELECT nothing;
SET bytea_output = 'escape';
EXPERIMENTAL CHANGEFEED FOR dogs WITH initial_scan_only, envelope = key_only;
`,
  )
  for (const part of [
    'Petee\nCarl\n',
    'id|bigint||not null|',
    'public|dogs|table|root',
    '\n2\nsecond\n',
    '4\tLucky\n',
    'dogs|[1]|\ndogs|[2]|\ndogs|[4]|',
  ]) {
    assert.ok(stdout.includes(part), `no ${JSON.stringify(part)} in ${stdout}`)
  }
  const [error, notice = ''] = stderr.split('NOTICE:  ')
  assert.equal(error, 'ERROR:  column "nothing" does not exist\nLINE 1: SELECT nothing;\n               ^\n')
  assert.match(notice, /ALTER TABLE public\.dogs REPLICA IDENTITY FULL/)
})

test('pgbench: fills its tables, runs its script over every protocol', pgbench, () => {
  run('pgbench', ['-i', '-q', '-s', '1', url])
  for (const protocol of ['simple', 'extended', 'prepared']) {
    const { stdout } = run('pgbench', ['-n', '-c', '4', '-t', '50', '-M', protocol, url])
    assert.match(stdout, /transactions actually processed: 200\/200/, protocol)
    assert.match(stdout, /failed transactions: 0/, protocol)
  }
})

test('node-postgres: types, prepared statements, errors and cursors as from PostgreSQL itself', async () => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows, fields } = await client.query(
      'SELECT $1::int4 AS i, $2::jsonb AS j, $3::timestamptz AS t, $4::bytea AS b',
      [42, { a: [1] }, '2020-01-02T03:04:05Z', Buffer.from([0, 255])],
    )
    assert.deepEqual(rows, [{ i: 42, j: { a: [1] }, t: new Date('2020-01-02T03:04:05Z'), b: Buffer.from([0, 255]) }])
    assert.deepEqual(
      fields.map(({ dataTypeID }) => dataTypeID),
      [23, 3802, 1184, 17],
    )
    for (const id of [1, 2]) {
      const named = await client.query({ name: 'by-id', text: 'SELECT name FROM dogs WHERE id = $1', values: [id] })
      assert.equal(named.rows[0].name, id === 1 ? 'Petee' : 'Carl')
    }
    await client.query('BEGIN')
    await assert.rejects(client.query('INSERT INTO dogs VALUES (1, $1)', ['twice']), {
      code: '23505',
      constraint: 'dogs_pkey',
    })
    await assert.rejects(client.query('SELECT 1'), { code: '25P02' })
    await client.query('ROLLBACK')
    await client.query('BEGIN; DECLARE c CURSOR FOR SELECT generate_series(1, 1000)')
    assert.equal((await client.query('FETCH 500 FROM c')).rowCount, 500)
    await client.query('COMMIT')
  } finally {
    await client.end()
  }
})

// It prepares nothing, prepares the second time, or prepares everything: all that it sends differs, nothing that it gets.
for (const mode of ['simple', 'extended', 'extendedForPrepared', 'extendedCacheEverything']) {
  test(
    `JDBC, ${mode}: metadata, batches, cursors, COPY, ours with placeholders, cancelling`,
    { skip: skipWithoutJdbc },
    async () => {
      await server.sql('DROP TABLE IF EXISTS jdbc')
      const source = fileURLToPath(new URL('../services/jdbc/Client.java', import.meta.url))
      const { stdout } = run('java', ['-cp', jdbcClassPath(), source, String(server.sqlPort), mode])
      assert.deepEqual(stdout.trimEnd().split('\n'), [
        'columns: id int8, name text, data bytea; key: id',
        'upserted: 1 1 1 1 1 1',
        'batch: 20',
        'fetched: 1000',
        'twice: 23505, then 25P02, then 25P02',
        'changefeed: 26 26 26 26',
        'setting: t t t t',
        'copied in: 2, out: 28, wrong: 22P02',
        'timeout: 57014',
        'changefeed that is cancelled: 57014',
        // In the simple protocol the driver reads a result to its end before it shows a row.
        ...(mode === 'simple' ? [] : ['streamed: 5 of a scan, 5 changes, then 57014, then 1']),
        'database: defaultdb defaultdb defaultdb, then postgres',
        'valid: true',
      ])
    },
  )
}

test('LISTEN, NOTIFY and cancelling reach the right session', async () => {
  const listener = new pg.Client({ connectionString: url })
  await listener.connect()
  try {
    await listener.query('LISTEN news')
    const heard = new Promise((resolve) => listener.once('notification', ({ payload }) => resolve(payload)))
    await server.sql("NOTIFY news, 'hello'")
    assert.equal(await heard, 'hello')
  } finally {
    await listener.end()
  }
})
