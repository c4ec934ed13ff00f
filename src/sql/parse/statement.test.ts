import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf, parseOne } from '../../../test/support/parse-one.ts'

test('queries are shown in each of the ways it can be said', () => {
  for (const what of ['QUERIES', 'STATEMENTS']) {
    for (const where of ['', 'ALL ', 'CLUSTER ', 'LOCAL ', 'SESSION ', 'ALL CLUSTER ', 'ALL LOCAL ', 'ALL SESSION ']) {
      assert.deepEqual(parseOne(`SHOW ${where}${what}`), { tag: 'show-queries' })
    }
    assert.equal(failureOf(`SHOW ${what} x`).at, 'x')
  }
})

test('a query is cancelled by its id or by a select, many by a select, and what is gone may be passed over', () => {
  const head = { tag: 'cancel-queries', isMany: false, ifExists: false, position: 7 }
  const select = 'SELECT query_id FROM [SHOW QUERIES]'
  const table: [sql: string, expected: object][] = [
    ["CANCEL QUERY 'abc'", { id: { tag: 'string', text: 'abc', position: 13 }, select: undefined }],
    ['cancel query $1', { id: { tag: 'placeholder', index: 1, position: 13 }, select: undefined }],
    [
      "CANCEL QUERY IF EXISTS 'abc'",
      { ifExists: true, id: { tag: 'string', text: 'abc', position: 23 }, select: undefined },
    ],
    [`CANCEL QUERY (${select})`, { id: undefined, select: `(${select})` }],
    [`CANCEL QUERY IF EXISTS (${select})`, { ifExists: true, id: undefined, select: `(${select})` }],
    [`CANCEL QUERIES ${select}`, { isMany: true, id: undefined, select }],
    [`CANCEL QUERIES IF EXISTS (${select})`, { isMany: true, ifExists: true, id: undefined, select: `(${select})` }],
  ]
  for (const [sql, expected] of table) assert.deepEqual(parseOne(sql), { ...head, ...expected }, sql)
})

test('databases and tables are shown, and a database is used', () => {
  assert.deepEqual(parseOne('SHOW DATABASES'), { tag: 'show-databases' })
  assert.deepEqual(parseOne('SHOW /* all */ TABLES'), { tag: 'show-tables' })
  const table: [string, string][] = [
    ['USE d', 'd'],
    ['USE "D"', 'D'],
    ["USE 'D'", 'D'],
    ['SET DATABASE = d', 'd'],
    ['SET DATABASE TO D', 'd'],
    ["SET SESSION DATABASE = 'd e'", 'd e'],
  ]
  for (const [sql, name] of table) {
    const statement = parseOne(sql)
    assert.ok(statement?.tag === 'use-database', sql)
    assert.equal(statement.name, name, sql)
  }
})

test('what does not parse says where, and what was meant', () => {
  const query = "CANCEL QUERY 'id' or CANCEL QUERIES SELECT …"
  const queries = 'CANCEL QUERIES SELECT query_id FROM [SHOW QUERIES] WHERE …'
  const table: [sql: string, at: string, hint: string | undefined][] = [
    ['CANCEL', '', query],
    ['CANCEL x', 'x', query],
    ['CANCEL QUERY', '', undefined],
    ["CANCEL QUERY 'a', 'b'", ", 'b'", undefined],
    ['CANCEL QUERIES', '', queries],
    ['SHOW DATABASES x', 'x', undefined],
    ['SHOW TABLES FROM d', 'FROM d', undefined],
    ['USE', '', undefined],
    ['USE a b', 'b', undefined],
    ['USE 1', '1', undefined],
    ['SET DATABASE d', 'd', undefined],
    ['SET DATABASE =', '', undefined],
  ]
  for (const [sql, at, hint] of table) {
    const failure = failureOf(sql)
    assert.deepEqual([failure.sqlstate, failure.at, failure.hint], ['42601', at, hint], sql)
  }
})

test("what is PostgreSQL's is not ours", () => {
  const table = [
    '',
    'SELECT 1',
    'SHOW server_version',
    'SHOW ALL',
    'SET x = 1',
    'RESET work_mem',
    'RESET SESSION AUTHORIZATION',
    'RESET ALL work_mem',
    'DISCARD TEMP',
    'DISCARD ALL TEMP',
    'DEALLOCATE a b',
    'DEALLOCATE',
    'CREATE TABLE changefeed (a int)',
    '"show" databases',
    'SELECT changefeed FROM cluster',
    'CLUSTER t',
    'CREATE DATABASE d',
    'DROP TABLE d',
    'DROP DATABASE',
  ]
  for (const sql of table) assert.equal(parseOne(sql), undefined, sql)
})

test('what a pool sends to make a session new is ours', () => {
  const table: [string, unknown][] = [
    ['RESET database', { tag: 'reset-session', what: 'database' }],
    ['reset session database', { tag: 'reset-session', what: 'database' }],
    ['SET database = DEFAULT', { tag: 'reset-session', what: 'database' }],
    ['SET SESSION DATABASE TO DEFAULT', { tag: 'reset-session', what: 'database' }],
    ['RESET ALL', { tag: 'reset-session', what: 'settings' }],
    ['DISCARD /* it */ ALL', { tag: 'reset-session', what: 'everything' }],
    ['DEALLOCATE ALL', { tag: 'deallocate', name: undefined }],
    ['DEALLOCATE PREPARE "a B"', { tag: 'deallocate', name: 'a B' }],
    ['SHOW database', { tag: 'show-database' }],
  ]
  for (const [sql, statement] of table) assert.deepEqual(parseOne(sql), statement, sql)
})

test('a changefeed inside another statement is refused with the way that works', () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ['PREPARE p AS EXPERIMENTAL CHANGEFEED FOR t', /the driver/],
    ['prepare p (int) as create changefeed for t', /the driver/],
    ['DECLARE "c" NO SCROLL CURSOR WITH HOLD FOR EXPERIMENTAL CHANGEFEED FOR t', /stream\(\)/],
    ['EXPLAIN EXPERIMENTAL CHANGEFEED FOR t', /SHOW JOBS/],
    ["explain analyze create changefeed for t into 'null://'", /SHOW JOBS/],
    ['EXPLAIN (ANALYZE, FORMAT json) EXPERIMENTAL CHANGEFEED FOR t', /SHOW JOBS/],
    ['COPY (EXPERIMENTAL CHANGEFEED FOR t) TO STDOUT', /--format=csv/],
    ['COPY (CREATE CHANGEFEED FOR t) TO STDOUT (FORMAT csv)', /--format=csv/],
    ['SELECT * FROM [EXPERIMENTAL CHANGEFEED FOR t]', /INTO/],
    ["SELECT job_id FROM [CREATE CHANGEFEED FOR t INTO 'null://']", /itself/],
    ['WITH x AS (EXPERIMENTAL CHANGEFEED FOR t) SELECT * FROM x', /itself/],
    ['SELECT * FROM (EXPERIMENTAL CHANGEFEED FOR t) AS x', /itself/],
    ['CREATE TABLE x AS EXPERIMENTAL CHANGEFEED FOR t', /itself/],
  ]
  for (const [sql, hint] of table) {
    const position = sql.search(/(?:experimental|create) changefeed/i) + 1
    assert.throws(() => parseOne(sql), { sqlstate: '0A000', hint, position }, sql)
  }
  for (const sql of [
    'PREPARE p AS SELECT changefeed',
    'DECLARE c CURSOR FOR SELECT 1',
    'EXPLAIN SELECT experimental changefeed FROM t',
    'COPY (SELECT experimental changefeed FROM t) TO STDOUT',
    'CREATE TABLE x (experimental changefeed)',
    "EXPLAIN SELECT 'EXPERIMENTAL CHANGEFEED FOR t'",
  ])
    assert.equal(parseOne(sql), undefined, sql)
})

test('DROP DATABASE is PostgreSQL’s too, but its name is read', () => {
  for (const sql of ['DROP DATABASE d', 'drop database if exists "d"', 'DROP DATABASE d WITH (FORCE)'])
    assert.deepEqual(parseOne(sql), { tag: 'drop-database', name: 'd' }, sql)
})

test('statements that need a database without connections are PostgreSQL’s too, but its name is read', () => {
  for (const sql of ['ALTER DATABASE d RENAME TO e', 'alter database "d" set tablespace x'])
    assert.deepEqual(parseOne(sql), { tag: 'move-database', name: 'd', what: 'altered' }, sql)
  for (const sql of [
    'CREATE DATABASE e TEMPLATE d',
    'create database e with owner = o template = "d" strategy file_copy',
  ])
    assert.deepEqual(parseOne(sql), { tag: 'move-database', name: 'd', what: 'copied' }, sql)
  for (const sql of [
    'ALTER DATABASE d SET x = 1',
    'ALTER DATABASE d OWNER TO o',
    'CREATE DATABASE e',
    'CREATE DATABASE e TEMPLATE template0',
  ])
    assert.equal(parseOne(sql), undefined, sql)
})

test('UNWATCH names tables or a database', () => {
  const database = (name: string | undefined): unknown => ({
    tag: 'unwatch',
    what: { tag: 'database', name },
    position: 8,
  })
  assert.deepEqual(parseOne('UNWATCH DATABASE d'), database('d'))
  assert.deepEqual(parseOne('unwatch database'), database(undefined))
  assert.deepEqual(parseOne('UNWATCH TABLES a.b, c'), {
    tag: 'unwatch',
    what: {
      tag: 'tables',
      targets: [
        { parts: ['a', 'b'], family: undefined, text: 'a.b', position: 15 },
        { parts: ['c'], family: undefined, text: 'c', position: 20 },
      ],
    },
    position: 8,
  })
  assert.throws(() => parseOne('UNWATCH t'), { code: 'FEED_SYNTAX', hint: /UNWATCH TABLE t/ })
})
