import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quoteName, quoteString, shownName, shownString } from './quote.ts'

test('names are quoted, with their quotes doubled', () => {
  assert.equal(quoteName('a"b'), '"a""b"')
})

test('a string that is run reads the same whatever a session says of backslashes', () => {
  assert.equal(quoteString("it's \\d"), "E'it''s \\\\d'")
})

test('what is shown is quoted as far as it must be', () => {
  assert.equal(shownName('t_1$'), 't_1$')
  for (const name of ['T', '1t', 'a b', 'é', '']) assert.equal(shownName(name), `"${name}"`)
  assert.equal(shownString("it's \\d"), "'it''s \\d'")
})
