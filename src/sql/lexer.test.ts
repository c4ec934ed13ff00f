import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lex } from './lexer.ts'
import type { Token, TokenTag } from './tokens.ts'

/** Tag and value of each token, and what lies in the text from its start to its end. */
function read(sql: string): [TokenTag, string, string][] {
  return lex(sql).map(({ tag, text, start, end }: Token) => [tag, text, sql.slice(start, end)])
}

function tags(sql: string): string {
  return lex(sql)
    .map(({ tag, text }) => `${tag}:${text}`)
    .join(' ')
}

test('every kind of token is told apart', () => {
  assert.deepEqual(read(`Select "Na""me", 'it''s', 1.5e-3, $12 <= [x];`), [
    ['word', 'select', 'Select'],
    ['quoted', 'Na"me', '"Na""me"'],
    ['op', ',', ','],
    ['string', "it's", "'it''s'"],
    ['op', ',', ','],
    ['number', '1.5e-3', '1.5e-3'],
    ['op', ',', ','],
    ['param', '12', '$12'],
    ['op', '<=', '<='],
    ['op', '[', '['],
    ['word', 'x', 'x'],
    ['op', ']', ']'],
    ['op', ';', ';'],
  ])
})

test('a word folds its ASCII letters only, and may hold digits, dollars and any other letter', () => {
  assert.equal(tags('ÄBC a$1$ _x9 naïveTable 表'), 'word:Äbc word:a$1$ word:_x9 word:naïvetable word:表')
})

test('numbers keep what stands behind them', () => {
  const table: [string, string][] = [
    ['0', 'number:0'],
    ['1.', 'number:1.'],
    ['.5', 'number:.5'],
    ['1e5', 'number:1e5'],
    ['1E+5', 'number:1E+5'],
    ['1e-5', 'number:1e-5'],
    ['1_000', 'number:1_000'],
    ['0xFF', 'number:0xFF'],
    ['0x1e+5', 'number:0x1e op:+ number:5'],
    ['1.2.3', 'number:1.2 number:.3'],
    ['1..10', 'number:1 op:.. number:10'],
    ['1e5.5', 'number:1e5 number:.5'],
    ['30s', 'number:30s'],
    ['1h30m', 'number:1h30m'],
    ['1-2', 'number:1 op:- number:2'],
    ['1e-', 'number:1e op:-'],
    ['1,2', 'number:1 op:, number:2'],
    ['a.5', 'word:a number:.5'],
  ]
  for (const [sql, expected] of table) assert.equal(tags(sql), expected, sql)
})

test('a placeholder is a dollar sign and digits; other dollars are strings or nothing', () => {
  assert.equal(tags('$1,$23'), 'param:1 op:, param:23')
  assert.equal(tags('$$a$$ $b$c$b$'), 'string:a string:c')
  assert.equal(tags('$ 1'), 'op:$ number:1')
})

test('an operator ends where a comment or an operand with a sign begins', () => {
  const table: [string, string][] = [
    ['a=-1', 'word:a op:= op:- number:1'],
    ['a=+-1', 'word:a op:= op:+ op:- number:1'],
    ['a<>-1', 'word:a op:<> op:- number:1'],
    ['a@-1', 'word:a op:@- number:1'],
    ['a->>b', 'word:a op:->> word:b'],
    ['a+--b', 'word:a op:+'],
    ['a*/* c */b', 'word:a op:* word:b'],
    ['a::b', 'word:a op:: op:: word:b'],
    ["a||'b'", 'word:a op:|| string:b'],
  ]
  for (const [sql, expected] of table) assert.equal(tags(sql), expected, sql)
})

test('comments and blanks stand between tokens', () => {
  assert.equal(tags("a -- b 'c\nd"), 'word:a word:d')
  assert.equal(tags('a -- b\rc'), 'word:a word:c')
  assert.equal(tags('a -- b'), 'word:a')
  assert.equal(tags('a /* b */ c'), 'word:a word:c')
  assert.equal(tags('a /* /* b */ c */ d'), 'word:a word:d')
  assert.equal(tags('a /* \' " $$ -- */ b'), 'word:a word:b')
  assert.equal(tags('a /*/ b */ c'), 'word:a word:c')
  assert.equal(tags('\ta\r\n\f\vb '), 'word:a word:b')
  assert.deepEqual(lex(''), [])
  assert.deepEqual(lex('  -- nothing\n /* at all */ '), [])
})

test('what does not end is one last token', () => {
  assert.deepEqual(read("a 'b c"), [
    ['word', 'a', 'a'],
    ['string', 'b c', "'b c"],
  ])
  assert.deepEqual(read("E'a\\"), [['string', 'a\\', "E'a\\"]])
  assert.deepEqual(read('a "b""c'), [
    ['word', 'a', 'a'],
    ['quoted', 'b"c', '"b""c'],
  ])
  assert.deepEqual(read('$x$ a $y$'), [['string', ' a $y$', '$x$ a $y$']])
  assert.deepEqual(read("U&'a\\0041"), [['string', 'a\\0041', "U&'a\\0041"]])
  assert.deepEqual(read('a /* b /* c */ d'), [
    ['word', 'a', 'a'],
    ['op', '/* b /* c */ d', '/* b /* c */ d'],
  ])
})

test('places count UTF-16 units, also behind characters of two', () => {
  assert.deepEqual(
    lex("'😀' /* é */ b").map(({ start, end }) => [start, end]),
    [
      [0, 4],
      [13, 14],
    ],
  )
})
