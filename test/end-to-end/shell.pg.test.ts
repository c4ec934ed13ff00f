// The shell against a server: what the pure tests of its parts cannot show.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { commandName } from '../../src/core/command-line.ts'
import { Program, program } from '../server/program.ts'
import { TestServer } from '../server/test-server.ts'
import { standsStill, until } from '../support/until.ts'

let server: TestServer
let url: string
before(async () => {
  server = await TestServer.start()
  url = `postgresql://root@localhost:${server.sqlPort}/defaultdb?sslmode=disable`
})
after(() => server[Symbol.asyncDispose]())

const sql = (...args: string[]): ReturnType<typeof program> => program(['sql', `--url=${url}`, ...args])

test('piped statements stop at the first that fails, with exit code 1', async () => {
  const input = 'SELECT 1 AS one;\nSELECT\n  2 AS two; SELECT 3 FROM nothing;\nSELECT 4 AS four;\n'
  const { code, stdout, stderr } = await program(['sql', `--url=${url}`, '--format=csv'], { input })
  assert.deepEqual({ code, stdout }, { code: 1, stdout: 'one\n1\ntwo\n2\n' })
  assert.equal(
    stderr,
    'ERROR: relation "nothing" does not exist\nLINE 1: SELECT 3 FROM nothing\n                      ^\nSQLSTATE: 42P01\n',
  )
})

test('a statement is run when it comes, not at the end of the input', async () => {
  await using shell = new Program(['sql', `--url=${url}`, '--format=csv'])
  shell.stdin.write('SELECT 1 AS one;\n')
  assert.deepEqual(await shell.lines(2), ['one', '1'])
  shell.stdin.end('SELECT 2 AS two')
  assert.deepEqual((await shell.ended).stdout, 'one\n1\ntwo\n2\n')
})

test('bytes that are no UTF-8 end the shell before their statement runs; control characters of a row are shown, not sent', async () => {
  await server.sql('CREATE TABLE names (name STRING PRIMARY KEY)')
  const statements = "INSERT INTO names VALUES ('first');\nINSERT INTO names VALUES ('caf\u00e9');\n"
  const input = Buffer.concat([Buffer.from('\ufeff'), Buffer.from(statements, 'latin1')])
  const { code, stderr } = await program(['sql', `--url=${url}`], { input })
  assert.equal(code, 1)
  assert.match(stderr, /^ERROR: line 2 of the input: byte 31 is not UTF-8\nHINT: .*iconv/)
  assert.deepEqual(await server.sql('SELECT * FROM names'), [{ name: 'first' }])
  for (const format of ['table', 'records']) {
    const { stdout } = await sql(`--format=${format}`, '-e', String.raw`SELECT e'\x1b[31mred\x07\r' AS "a\u001bb"`)
    assert.ok(stdout.includes(String.raw`\x1b[31mred\x07\r`), stdout)
    // oxlint-disable-next-line no-control-regex -- they are what it is about
    assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f]/)
  }
  const moved = await program(['sql', `--url=${url}`], { input: '\\c system\n' })
  assert.match(moved.stderr, /^invalid command: \\c; SET DATABASE = system; moves/)
})

test('commands: display_format, tables, columns, an unknown one', async () => {
  await server.sql('CREATE TABLE described (a INT PRIMARY KEY, b STRING NOT NULL)')
  const { code, stdout, stderr } = await program(['sql', `--url=${url}`], {
    input:
      '\\set display_format=csv\n\\d described\n\\set display_format ndjson\nSELECT 1 AS x;\n\\nope\n\\q\nSELECT 2;\n',
  })
  assert.equal(code, 0)
  assert.equal(
    stdout,
    'column_name,data_type,is_nullable,column_default,primary_key\na,bigint,f,NULL,t\nb,text,f,NULL,f\n{"x":"1"}\n',
  )
  assert.equal(stderr, 'invalid command: \\nope; try \\? for help\n')
})

test('the lists of tables show what the user has made, and nothing of ours', async () => {
  const { stdout } = await program(['sql', `--url=${url}`, '--format=csv'], { input: '\\d\n\\dt\nSHOW TABLES;\n' })
  assert.match(stdout, /public,described,table,root/)
  assert.doesNotMatch(stdout, /crdb_internal|changefeed/)
})

test('a changefeed prints as NDJSON unless a format is chosen', async () => {
  await server.sql('CREATE TABLE scanned (a INT PRIMARY KEY); INSERT INTO scanned VALUES (1)')
  const { stdout } = await sql('-e', 'CREATE CHANGEFEED FOR scanned WITH initial_scan_only, envelope=key_only')
  assert.equal(stdout, '{"key":"[1]","table":"scanned","value":""}\n')
})

test('a changefeed prints as a table when a table is asked for, each row when it comes', async () => {
  await using shell = new Program([
    'sql',
    `--url=${url}`,
    '--format=table',
    '-e',
    'EXPERIMENTAL CHANGEFEED FOR scanned WITH envelope=key_only',
  ])
  assert.deepEqual(await shell.lines(3), ['   table  | key | value ', '+---------+-----+-------+', '  scanned | [1] |'])
})

test('what is refused prints an error and no header', async () => {
  for (const sink of ['', " INTO 'null://'"]) {
    const { code, stdout, stderr } = await sql('--format=csv', '-e', `CREATE CHANGEFEED FOR nothing${sink}`)
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    assert.match(stderr, /^ERROR: .*"nothing"/)
  }
})

test('notices and errors of a changefeed go to standard error, with their hints', async () => {
  const { code, stdout, stderr } = await sql('-e', 'EXPERIMENTAL CHANGEFEED FOR scanned WITH resolvd')
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
  assert.match(
    stderr,
    /^ERROR: invalid option "resolvd"\nLINE 1: .*\n +\^\nSQLSTATE: \w{5}\n(?:DETAIL: .*\n)?HINT: .*resolved/,
  )
})

test('Ctrl-C cancels the statement on the server', async () => {
  await using shell = new Program(['sql', `--url=${url}`, '-e', 'SELECT pg_sleep(600)'])
  const sleeping = async (): Promise<true | undefined> =>
    (await server.sql(`SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'`))
      .length > 0
      ? true
      : undefined
  await until('the statement runs', 10_000, sleeping)
  shell.signal('SIGINT')
  const { code, stderr } = await shell.ended
  assert.equal(code, 1)
  assert.match(stderr, /^ERROR: canceling statement due to user request\nSQLSTATE: 57014\n/)
})

test('a reader who leaves ends the shell, and the changefeed on the server', async () => {
  await server.sql('CREATE TABLE many (a INT PRIMARY KEY); INSERT INTO many SELECT generate_series(1, 100000)')
  await using shell = new Program(['sql', `--url=${url}`, '--format=csv', '-e', 'EXPERIMENTAL CHANGEFEED FOR many'])
  await shell.lines(10)
  shell.stdoutPipe.destroy()
  assert.equal((await shell.ended).code, 141)
  await until('the changefeed has ended', 2000, async () =>
    (await server.sql('SHOW QUERIES')).some(({ query }) => String(query).includes('FOR many')) ? undefined : true,
  )
})

test('a slow reader makes the shell stop reading', async () => {
  await server.sql(`CREATE TABLE wide (a INT PRIMARY KEY, b STRING)`)
  await server.sql(`INSERT INTO wide SELECT i, repeat('w', 1000) FROM generate_series(1, 50000) AS i`)
  await using shell = new Program(['sql', `--url=${url}`, '--format=csv', '-e', 'EXPERIMENTAL CHANGEFEED FOR wide'])
  await shell.lines(2)
  shell.stdoutPipe.pause()
  const sent = async (): Promise<number> => {
    const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
    return Number(/^changefeed_emitted_messages(?:\{[^}]*\})? (\d+)/m.exec(metrics)?.[1] ?? 0)
  }
  // What is under way fills pipes and sockets, then nothing moves.
  await standsStill(sent, 300)
  shell.stdoutPipe.resume()
  await shell.lines(50_001)
})

test('no server: one line says so, and how to start one', async () => {
  assert.deepEqual(await program(['sql', '--insecure', '--port=1', '-e', 'SELECT 1']), {
    code: 1,
    stdout: '',
    stderr: `ERROR: cannot connect to localhost:1: nothing listens there\nHINT: is the server running? ${commandName()} start-single-node --insecure --background\n`,
  })
})

test('a database that does not exist: the words of the server, and how to find those that do', async () => {
  assert.deepEqual(await sql('-d', 'nowhere', '-e', 'SELECT 1'), {
    code: 1,
    stdout: '',
    stderr: `FATAL: database "nowhere" does not exist\nSQLSTATE: 3D000\nHINT: ${commandName()} sql --database=postgres -e '\\l' lists the databases\n`,
  })
})

test('many errors in one session are as many, and nothing else', async () => {
  const { code, stdout, stderr } = await program(['sql', `--url=${url}`], {
    input: `\\set errexit=false\n${'SELECT nothing;\n'.repeat(30)}SELECT 1 AS one;\n`,
  })
  assert.deepEqual({ code, stdout }, { code: 0, stdout: 'one\n1\n' })
  const lines = stderr.split('\n').filter((line) => !/^(?:ERROR: column "nothing"|LINE 1|SQLSTATE| +\^)|^$/.test(line))
  assert.deepEqual(lines, [])
})

test('COPY data is not sent, and the shell says so', async () => {
  const { code, stderr } = await sql('-e', 'COPY scanned FROM STDIN')
  assert.equal(code, 1)
  assert.match(stderr, /this shell sends no COPY data, psql does/)
  assert.equal((await sql('-e', 'COPY scanned TO STDOUT')).stdout, '1\nCOPY 1\n')
})
