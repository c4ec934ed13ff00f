import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitStatements, StatementBuffer } from './statement-split.ts'

function push(...lines: string[]): {
  readonly statements: string[]
  readonly isEmpty: boolean
  readonly rest: string | undefined
} {
  const buffer = new StatementBuffer()
  const statements = lines.flatMap((line) => buffer.push(line))
  return { statements, isEmpty: buffer.isEmpty, rest: buffer.take() }
}

test('a semicolon in a string, a name or a comment ends nothing', () => {
  const sql = `SELECT 'a;b', "c;d", $$e;f$$ -- g;h\n/* i;j */, 1; SELECT 2`
  assert.deepEqual(
    splitStatements(sql).map(({ sql, terminated }) => [sql, terminated]),
    [
      [`SELECT 'a;b', "c;d", $$e;f$$ -- g;h\n/* i;j */, 1`, true],
      ['SELECT 2', false],
    ],
  )
})

test('statements come out whole, whatever lines they came in', () => {
  assert.deepEqual(push('SELECT', '  1; SELECT 2;', 'SELECT', '3'), {
    statements: ['SELECT\n  1', 'SELECT 2'],
    isEmpty: false,
    rest: 'SELECT\n3',
  })
})

test('a string or a comment over several lines is waited for', () => {
  assert.deepEqual(push("SELECT 'a;", "b';"), { statements: ["SELECT 'a;\nb'"], isEmpty: true, rest: undefined })
  assert.deepEqual(push('SELECT 1; /* open;', 'still; */ SELECT 2;').statements, ['SELECT 1', 'SELECT 2'])
  assert.equal(push('/* open').isEmpty, false)
  assert.deepEqual(push('SELECT $x$;', ';$x$;').statements, ['SELECT $x$;\n;$x$'])
})

test('blanks, comments and bare semicolons leave nothing behind', () => {
  for (const line of ['', '  ', '-- a comment', '-- a; comment', '/* a; comment */', ';', 'SELECT 1; ;']) {
    assert.equal(push(line).isEmpty, true, line)
  }
})

test('whether a string or a comment is open', () => {
  const table: readonly (readonly [text: string, isQuoted: boolean])[] = [
    ['SELECT 1', false],
    ["SELECT 'a", true],
    ["SELECT 'a' -- 'b", false],
    ['SELECT /* a', true],
    ['SELECT "a', true],
    ['SELECT $$ a', true],
  ]
  for (const [text, isQuoted] of table) {
    const buffer = new StatementBuffer()
    buffer.push(text)
    assert.equal(buffer.isQuoted, isQuoted, text)
  }
})
