import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wayOut } from './way-out.ts'

test('a paused job that would meet its error again is to be cancelled and created anew; other errors keep their hints', () => {
  const anew = 'RESUME JOB would stop here again: CANCEL JOB 7, then CREATE CHANGEFEED anew, without cursor'
  assert.equal(wayOut('7', { code: 'FEED_TRUNCATED', hint: undefined }, 'paused'), anew)
  assert.equal(wayOut('7', { code: 'FEED_FELL_BEHIND', hint: 'raise it' }, 'paused'), anew)
  assert.equal(wayOut('7', { code: 'FEED_ROW', hint: 'correct the row' }, 'paused'), `correct the row; ${anew}`)
  assert.equal(wayOut('7', { code: 'FEED_PRIVILEGE', hint: 'GRANT it' }, 'paused'), 'GRANT it')
  assert.equal(wayOut('7', { code: 'FEED_SINK', hint: undefined }, 'paused'), undefined)
})

test('a job that has stopped at a schema change is to be continued by another one', () => {
  const hint = "run the CREATE CHANGEFEED statement again with cursor = '5.0000000000'"
  const error = { code: 'FEED_SCHEMA_CHANGE', hint } as const
  assert.equal(wayOut('7', error, 'failed'), hint)
  assert.equal(wayOut('7', error, 'paused'), `RESUME JOB would stop here again: CANCEL JOB 7, then ${hint}`)
})

test('a failed job is to be created anew: it can be neither resumed nor cancelled', () => {
  const anew = 'a failed job cannot be resumed: CREATE CHANGEFEED anew, without cursor'
  assert.equal(wayOut('7', { code: 'FEED_TRUNCATED', hint: undefined }, 'failed'), anew)
  assert.equal(wayOut('7', { code: 'FEED_ROW', hint: 'correct the row' }, 'failed'), `correct the row; ${anew}`)
  assert.equal(wayOut('7', { code: 'FEED_SINK', hint: 'see the broker' }, 'failed'), 'see the broker')
})
