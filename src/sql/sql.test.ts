import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import { parseOne } from '../../test/support/parse-one.ts'
import { applySplices } from './splices.ts'
import { firstWords } from './parse/statement.ts'
import { countPlaceholders, readSql, triggers, type SqlPiece } from './sql.ts'
import { typedPosition } from './typed-position.ts'

const show = (): string => 'SELECT 1'

function read(sql: string, dialect = true): readonly SqlPiece[] {
  return readSql(sql, { dialect, show }) ?? []
}

function shape(sql: string, dialect = true): string[] {
  return read(sql, dialect).map((piece) => `${piece.tag} ${piece.sql}`)
}

test("what is PostgreSQL's alone goes as it came", () => {
  const table = [
    '',
    ';',
    '-- nothing',
    'SELECT 1',
    "SELECT 'CHANGEFEED'",
    'SHOW ALL',
    'SELECT 1; SELECT job FROM use',
    'CREATE TABLE t (a bigint PRIMARY KEY)',
    'DROP TABLE t',
    'ALTER DATABASE d SET x = 1',
    "SELECT 'string'",
  ]
  for (const sql of table) assert.deepEqual(shape(sql), [], sql)
})

test("PostgreSQL's statements between two of ours stay one piece, with all that stands between them", () => {
  assert.deepEqual(shape('BEGIN; -- a\n SELECT 1;; SHOW JOBS; SELECT 2; COMMIT;'), [
    'forward BEGIN; -- a\n SELECT 1',
    'ours SHOW JOBS',
    'forward SELECT 2; COMMIT',
  ])
})

test('each piece has its place in the whole', () => {
  const sql = "/* é😀 */ SELECT 1 ; SHOW JOBS; USE; UPSERT INTO t VALUES ('😀'); SELECT a::INT, 'x' -- end"
  const pieces = read(sql)
  assert.deepEqual(
    pieces.map(({ tag, start, end }) => `${tag} ${sql.slice(start, end)}`),
    [
      'forward SELECT 1',
      'ours SHOW JOBS',
      'error USE',
      "rewrite UPSERT INTO t VALUES ('😀')",
      "forward SELECT a::INT, 'x'",
    ],
  )
})

test('positions in the text that is sent lead back to what was typed', async () => {
  const sql = "SELECT '😀'::STRING, b; SELECT * FROM [SHOW JOBS], nosuch; UPSERT INTO t VALUES (c) RETURNING d"
  const [forward, rewrite] = read(sql)
  assert.ok(forward?.tag === 'forward' && rewrite?.tag === 'rewrite')
  const typed = (piece: SqlPiece, splices: typeof forward.splices, text: string): string => {
    const sent = applySplices(sql, splices, piece.start, piece.end)
    const position = Array.from(sent.slice(0, sent.indexOf(text))).length + 1
    return Array.from(sql)
      .slice(typedPosition(sql, piece.start, splices, position) - 1)
      .join('')
  }
  assert.ok(typed(forward, forward.splices, 'text').startsWith('STRING, b'))
  assert.ok(typed(forward, forward.splices, 'b;').startsWith('b; SELECT *'))
  assert.ok(typed(forward, forward.splices, '1)').startsWith('[SHOW JOBS]'))
  assert.ok(typed(forward, forward.splices, 'nosuch').startsWith('nosuch; UPSERT'))
  const facts = { columns: ['a', 'b'], primaryKey: ['a'], implicitKey: false }
  const query = async (): Promise<string[][]> => [[JSON.stringify(facts)]]
  const splices = await rewrite.findSplices(query)
  assert.equal(typed(rewrite, splices, 'INSERT'), 'UPSERT INTO t VALUES (c) RETURNING d')
  assert.equal(typed(rewrite, splices, 'c)'), 'c) RETURNING d')
  assert.equal(typed(rewrite, splices, 'CONFLICT'), 'RETURNING d')
  assert.equal(typed(rewrite, splices, 'RETURNING'), 'RETURNING d')
})

test('positions in errors of ours count from the start of the whole', () => {
  const sql = "SELECT '😀'; EXPERIMENTAL CHANGEFEED FOR t nosuch; SELECT 1"
  const [, piece] = read(sql)
  assert.ok(piece?.tag === 'error' && piece.error instanceof FeedError)
  assert.equal(piece.error.position, Array.from(sql.slice(0, sql.indexOf('nosuch'))).length + 1)
})

test('without the dialect its words are left alone', () => {
  for (const sql of ['CREATE TABLE t (a STRING)', 'UPSERT INTO t VALUES (1)', 'COPY t FROM STDIN']) {
    assert.deepEqual(shape(sql, false), [], sql)
  }
  assert.deepEqual(shape('SELECT a::STRING FROM [SHOW JOBS]', false), [
    'forward SELECT a::STRING FROM (SELECT 1) AS "show 1"',
  ])
  assert.deepEqual(shape('SHOW JOBS', false), ['ours SHOW JOBS'])
})

test('the first words of each statement of ours are searched for, or words that it must have later', () => {
  const later: Readonly<Record<string, string>> = {
    'create role': 'VIEWJOB',
    'create user': 'VIEWJOB',
    'alter role': 'VIEWJOB',
    'alter user': 'VIEWJOB',
    'grant system': 'VIEWJOB',
    'revoke system': 'VIEWJOB',
    'alter default privileges': 'CHANGEFEED',
    'alter event trigger': 'pg_changefeed_x',
  }
  const texts = firstWords.map((words) => `${words.join(' ')} x ${later[words.join(' ')] ?? ''}`)
  for (const text of texts) assert.match(text, triggers, 'sql.ts searches for none of its words')
})

test('each statement of ours is seen in any case and with comments between its words', () => {
  const table = [
    'EXPERIMENTAL CHANGEFEED FOR t',
    'CREATE CHANGEFEED FOR t',
    'SET CLUSTER SETTING a = 1',
    'RESET CLUSTER SETTING a',
    'SHOW CLUSTER SETTING a',
    'SHOW ALL CLUSTER SETTINGS',
    'SHOW QUERIES',
    'SHOW LOCAL STATEMENTS',
    'CANCEL QUERY a',
    'PAUSE JOB 1',
    'RESUME JOBS 1',
    'CANCEL JOB 1',
    'SHOW JOBS',
    'SHOW AUTOMATIC JOBS',
    'UNWATCH TABLES a',
  ]
  const ofDialect = ['SHOW DATABASE', 'SHOW DATABASES', 'SHOW TABLES', 'USE d', 'SET DATABASE = d', 'RESET DATABASE']
  for (const sql of [...table, ...ofDialect]) {
    for (const text of [sql, sql.toLowerCase(), sql.replaceAll(' ', '/**/'), sql.replaceAll(' ', ' -- x\n')]) {
      assert.deepEqual(shape(text, true), [`ours ${text}`])
      assert.deepEqual(shape(text, false), ofDialect.includes(sql) ? [] : [`ours ${text}`])
    }
  }
})

test('an unterminated comment goes to PostgreSQL with what is before it', () => {
  assert.deepEqual(shape('SELECT a::STRING; SELECT 2 /* x'), ['forward SELECT a::text; SELECT 2 /* x'])
})

test('placeholders are counted in the sink and the options', () => {
  const count = (sql: string): number => {
    const statement = parseOne(sql)
    assert.ok(statement?.tag === 'create-changefeed')
    return countPlaceholders(statement)
  }
  assert.equal(count('CREATE CHANGEFEED FOR t'), 0)
  assert.equal(count('CREATE CHANGEFEED FOR t INTO $1'), 1)
  assert.equal(count('CREATE CHANGEFEED FOR t INTO $2 WITH cursor=$3, resolved=$1'), 3)
})

test('a long script of small statements is read in passing', () => {
  const script = "INSERT INTO t VALUES ('é😀'::STRING);\n".repeat(5000)
  const startedAt = performance.now()
  assert.equal(read(script).length, 1)
  assert.ok(performance.now() - startedAt < 5000)
})
