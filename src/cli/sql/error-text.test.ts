import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorText } from './error-text.ts'

function serverError(fields: Readonly<Record<string, string>>): Error {
  return Object.assign(new Error(fields['message']), { severity: 'ERROR', ...fields })
}

test('an error shows where in the statement it is, its SQLSTATE, detail and hint', () => {
  const error = serverError({
    message: 'relation "fo" does not exist',
    code: '42P01',
    position: '16',
    detail: 'It is not there.',
    hint: 'Did you mean "foo"?',
  })
  assert.equal(
    errorText(error, 'SELECT *\n\tFROM\tfo WHERE x'),
    [
      'ERROR: relation "fo" does not exist',
      'LINE 2: \tFROM\tfo WHERE x',
      '        \t    \t^',
      'SQLSTATE: 42P01',
      'DETAIL: It is not there.',
      'HINT: Did you mean "foo"?',
      '',
    ].join('\n'),
  )
})

test('positions count characters, and a caret stands below its character', () => {
  const error = serverError({ message: 'no', code: '42601', position: '5' })
  assert.equal(errorText(error, "'😀' x"), "ERROR: no\nLINE 1: '😀' x\n             ^\nSQLSTATE: 42601\n")
})

test('an error that is not of the server has no SQLSTATE', () => {
  assert.equal(errorText(Object.assign(new Error('gone'), { code: 'ECONNRESET' })), 'ERROR: gone\n')
})
