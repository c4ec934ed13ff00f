import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillSql } from './fill-sql.ts'

const values = { texts: { name: `it's "one"` }, expressions: { is_one: 'a OR b' } }

test('a value becomes a string or an identifier, whatever it contains, and an expression stays together', () => {
  assert.equal(fillSql(`SELECT :'name'::name`, values), `SELECT E'it''s "one"'::name`)
  assert.equal(fillSql('DROP PUBLICATION :"name"', values), 'DROP PUBLICATION "it\'s ""one"""')
  assert.equal(fillSql('WHERE NOT :(is_one)', values), 'WHERE NOT (a OR b)')
})

test('casts, slices and JSON are left alone', () => {
  const sql = `SELECT x::text, y[1:2], '{"tag": "enum"}'::jsonb`
  assert.equal(fillSql(sql, values), sql)
})

test('a file that asks for a value that is not there, and a value that would end the body of a function, are refused', () => {
  assert.throws(() => fillSql(`SELECT :'other'`, values), /asks for :'other', which has no value/)
  assert.throws(() => fillSql(`SELECT :'name'`, { ...values, texts: { name: 'a$$b' } }), /contains \$\$/)
})
