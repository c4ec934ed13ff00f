// The lexer against PostgreSQL's own, and against anything at all.

import fc from 'fast-check'
import { loadModule, parseSync, scanSync } from 'libpg-query'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { skipBlank } from './blank.ts'
import { lex } from './lexer.ts'

await loadModule()

const parts = [
  ...'\'"$\\;()[],.*/-+=<>@|_ \n\t',
  ...'aeEuUxNb019é表😀',
  "''",
  '""',
  '$$',
  '$a$',
  "E'",
  "U&'",
  'U&"',
  "x'",
  '--',
  '/*',
  '*/',
  '\r',
  "\\'",
  '\\n',
  '\\x41',
  ' select ',
  ' int ',
  '$1',
  '1.5e3',
  '30s',
  "'a' 'b'",
  "'a'\n'b'",
]
const text = fc.array(fc.constantFrom(...parts), { maxLength: 40 }).map((all) => all.join(''))
const runs = { seed: 20_260_728, numRuns: 20_000 }

test('any text is tokens and blanks, in order and without a gap', () => {
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: 'binary', maxLength: 60 })), (sql) => {
      let at = 0
      let joined = ''
      for (const { start, end } of lex(sql)) {
        assert.ok(start >= at && end > start && end <= sql.length)
        assert.equal(skipBlank(sql, at), start)
        joined += sql.slice(at, start) + sql.slice(start, end)
        at = end
      }
      assert.equal(skipBlank(sql, at), sql.length)
      assert.equal(joined + sql.slice(at), sql)
    }),
    runs,
  )
})

test('tokens begin and end where they do for PostgreSQL', () => {
  let compared = 0
  fc.assert(
    fc.property(text, (sql) => {
      const theirs = scanned(sql)
      if (theirs === undefined) return
      compared += 1
      assert.deepEqual(
        lex(sql).map(({ start, end }) => sql.slice(start, end)),
        theirs,
        JSON.stringify(sql),
      )
    }),
    runs,
  )
  assert.ok(compared > 1000, `${compared} of the texts are PostgreSQL's too`)
})

/**
 * Undefined: PostgreSQL refuses the text. Line comments between the parts of a string are not for this: libpg-query reads
 * them otherwise than the server does.
 */
function scanned(sql: string): string[] | undefined {
  try {
    const bytes = Buffer.from(sql)
    if (/'\s*--/.test(sql)) return undefined
    return scanSync(sql)
      .tokens.filter(({ tokenName }) => tokenName !== 'SQL_COMMENT' && tokenName !== 'C_COMMENT')
      .map(({ start, end }) => bytes.toString('utf8', start, end))
  } catch {
    return undefined
  }
}

test('a string or a quoted name means what it means to PostgreSQL', () => {
  const piece = fc.constantFrom(
    ...'aé表😀0 \'"\\!+-',
    "''",
    '""',
    '\\n',
    '\\t',
    '\\x41',
    '\\xc3\\xa9',
    '\\101',
    '\\303\\251',
    '\\u00e9',
    '\\U0001F600',
    '\\q',
    '\\0041',
    '\\+01F600',
    '\\\\',
    "\\'",
    '!0041',
    '\\ud83d\\ude00',
    '\\D83D\\DE00',
  )
  const open = fc.constantFrom("'", "E'", "e'", "U&'", "u&'", '$x$', '"', 'U&"')
  const behind = fc.constantFrom('', '', " UESCAPE '!'", "\n/* c */ uescape\n'!'")
  let compared = 0
  fc.assert(
    fc.property(open, fc.array(piece, { maxLength: 5 }), behind, (prefix, body, suffix) => {
      const close = prefix.startsWith('$') ? prefix : prefix.slice(-1)
      const literal = `${prefix}${body.join('')}${close}${prefix.toLowerCase().startsWith('u') ? suffix : ''}`
      const theirs = meaning(literal, close === '"')
      if (theirs === undefined) return
      compared += 1
      const [token, ...others] = lex(literal)
      assert.deepEqual([token?.text, others.length], [theirs, 0], literal)
    }),
    runs,
  )
  assert.ok(compared > 1000, `${compared} of the literals are PostgreSQL's too`)
})

function meaning(literal: string, isName: boolean): string | undefined {
  try {
    const tree = JSON.stringify(parseSync(isName ? `SELECT 1 AS ${literal}` : `SELECT ${literal}`))
    const target = JSON.parse(tree).stmts[0].stmt.SelectStmt.targetList[0].ResTarget
    if (isName) return target.name
    const constant = target.val.A_Const
    // A literal of nothing but a prefix and another token behind is not the literal we meant.
    return constant === undefined || target.name !== undefined ? undefined : (constant.sval?.sval ?? '')
  } catch {
    return undefined
  }
}
