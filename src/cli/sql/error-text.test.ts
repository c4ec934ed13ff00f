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

test('the line of an error has no secrets, and its caret stands below the same word', () => {
  const error = (position: number): Error => serverError({ message: 'no', code: '22023', position: String(position) })
  const sql =
    "CREATE CHANGEFEED FOR t INTO 's3://b/x?AWS_ACCESS_KEY_ID=id&AWS_SECRET_ACCESS_KEY=s3cret' WITH webhook_auth_header = 'Bearer t0ken', updated"
  const text = errorText(error(sql.indexOf('updated') + 1), sql)
  const [, line = '', caret = ''] = text.split('\n')
  assert.doesNotMatch(text, /s3cret|t0ken/)
  assert.match(
    line,
    /^LINE 1: CREATE CHANGEFEED FOR t INTO 's3:\/\/b\/x\?AWS_ACCESS_KEY_ID=id&AWS_SECRET_ACCESS_KEY=redacted' /,
  )
  assert.equal(line.slice(caret.indexOf('^')), 'updated')
  // Where the statement cannot be read, nobody knows where its secrets are.
  const broken = "CREATE CHANGEFEED FOR t INTO 'webhook-https://me:s3cret@h/x"
  assert.doesNotMatch(errorText(error(broken.indexOf("'") + 1), broken), /s3cret/)
})
