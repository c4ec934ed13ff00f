import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf } from '../../../test/support/parse-one.ts'

test('statements of CockroachDB that are still to come say what does today', () => {
  for (const [sql, hint] of [
    ['SHOW CHANGEFEED JOBS', /SHOW JOBS/],
    ['SHOW CHANGEFEED JOB 7', /SHOW JOB id/],
    ['ALTER CHANGEFEED 7 ADD t', /cursor/],
  ] as const) {
    const error = failureOf(sql)
    assert.equal(error.sqlstate, '0A000')
    assert.match(error.hint ?? '', hint)
  }
})
