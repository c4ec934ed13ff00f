import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lex } from './lexer.ts'
import { splitTokens } from './split.ts'

function split(sql: string): string[] {
  return splitTokens(lex(sql)).map(
    ({ tokens, terminated }) => sql.slice(tokens[0]?.start, tokens.at(-1)?.end) + (terminated ? ';' : ''),
  )
}

test('each semicolon ends a statement, and nothing between two of them is none', () => {
  assert.deepEqual(split(''), [])
  assert.deepEqual(split(' ;; -- c\n; '), [])
  assert.deepEqual(split('a'), ['a'])
  assert.deepEqual(split('a;b ; c;;d'), ['a;', 'b;', 'c;', 'd'])
})

test('semicolons in strings, names and comments end nothing', () => {
  assert.deepEqual(split(`a ';' ";" $$;$$ /*;*/ b -- ;\n c; d`), [`a ';' ";" $$;$$ /*;*/ b -- ;\n c;`, 'd'])
})

test('semicolons in brackets end nothing: the actions of a rule', () => {
  const rule = 'CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM a; DELETE FROM (b));'
  assert.deepEqual(split(`${rule} SELECT 1`), [rule, 'SELECT 1'])
  assert.deepEqual(split('a); b'), ['a);', 'b'])
})

test('the body of a function stays whole', () => {
  const body = `CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END;`
  assert.deepEqual(split(`${body} SELECT 2; BEGIN; END;`), [body, 'SELECT 2;', 'BEGIN;', 'END;'])
})

test('ten thousand statements are as many', () => {
  assert.equal(split('SELECT 1;'.repeat(10_000)).length, 10_000)
})
