import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lex } from './lexer.ts'

/** The value of the one token that the text is. */
function value(sql: string): string {
  const [token, ...others] = lex(sql)
  assert.equal(others.length, 0, `${sql} is more than one token`)
  assert.deepEqual([token?.start, token?.end], [0, sql.length])
  return token?.text ?? ''
}

test('an ordinary string knows no escape but the doubled quote', () => {
  assert.equal(value(String.raw`'a\nb''c'`), String.raw`a\nb'c`)
  assert.equal(value("''''"), "'")
  assert.equal(value("B'101'"), '101')
  assert.equal(value("x'1F'"), '1F')
  assert.equal(lex("x'1F''2'").length, 2)
})

test("an E'' string unescapes letters, bytes and code points", () => {
  assert.equal(value(String.raw`E'\b\f\n\r\t\\\'\q'`), "\b\f\n\r\t\\'q")
  assert.equal(value(String.raw`e'\x41\102\103'`), 'ABC')
  assert.equal(value(String.raw`E'\xc3\xa9 \303\251'`), 'é é')
  assert.equal(value(String.raw`E'\u00e9\U0001F600\ud83d\ude00'`), 'é😀😀')
  assert.equal(value(String.raw`E'it''s \''`), "it's '")
  assert.equal(value(String.raw`E'\UFFFFFFFF'`), String.raw`\UFFFFFFFF`)
})

test('U& strings and names unescape code points, with their own sign if they name one', () => {
  assert.equal(value(String.raw`U&'d\0061t\+000061 \\'`), 'data \\')
  assert.equal(value(String.raw`u&"d\0061ta"`), 'data')
  assert.equal(value("U&'d!0061t!+000061 !! \\0061' UESCAPE '!'"), 'data ! \\0061')
  assert.equal(value('U&"d*0061ta" /* so */ uescape\n\'*\''), 'data')
  assert.equal(value(String.raw`U&'\zzzz'`), String.raw`\zzzz`)
})

test('UESCAPE without a sign is a word like others', () => {
  assert.deepEqual(
    lex(String.raw`U&'\0061' uescape 'ab'`).map(({ text }) => text),
    ['a', 'uescape', 'ab'],
  )
})

test('a string goes on behind a line end, in the way it began', () => {
  assert.equal(value("'a'\n'b'"), 'ab')
  assert.equal(value("'a' -- note\n  'b' \r 'c'"), 'abc')
  assert.equal(value(String.raw`E'a'` + '\n' + String.raw`'\n;\''`), "a\n;'")
  assert.equal(lex("'a' 'b'").length, 2)
  assert.equal(lex("'a' /* \n */ 'b'").length, 2)
})

test('a dollar-quoted string ends at its own tag', () => {
  assert.equal(value('$$a;b$$'), 'a;b')
  assert.equal(value("$f$ '$$' $g$ $f$"), " '$$' $g$ ")
  assert.equal(value('$é_1$x$é_1$'), 'x')
})

test('a long string of escapes is read like a short one', () => {
  const count = 200_000
  assert.equal(value(`E'${'\\x41'.repeat(count)}'`), 'A'.repeat(count))
  assert.equal(value(`E'${String.raw`\\`.repeat(count)}'`).length, count)
  assert.equal(value(`'${"''".repeat(count)}'`).length, count)
})
