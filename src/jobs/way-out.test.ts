import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wayOut } from './way-out.ts'

test('a job that would meet its error again is to be cancelled and created anew; other errors keep their hints', () => {
  const anew = 'RESUME JOB would stop here again: CANCEL JOB 7, then CREATE CHANGEFEED anew, without cursor'
  assert.equal(wayOut('7', { code: 'FEED_TRUNCATED', hint: undefined }), anew)
  assert.equal(wayOut('7', { code: 'FEED_FELL_BEHIND', hint: 'raise it' }), anew)
  assert.equal(wayOut('7', { code: 'FEED_ROW', hint: 'correct the row' }), `correct the row; ${anew}`)
  assert.equal(wayOut('7', { code: 'FEED_PRIVILEGE', hint: 'GRANT it' }), 'GRANT it')
  assert.equal(wayOut('7', { code: 'FEED_SINK', hint: undefined }), undefined)
})
