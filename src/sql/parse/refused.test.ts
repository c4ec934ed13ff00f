import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureOf } from '../../../test/support/parse-one.ts'

test('statements of CockroachDB that are still to come say what does today', () => {
  for (const [sql, hint] of [
    ['SHOW CHANGEFEED JOBS', /SHOW JOBS/],
    ['SHOW CHANGEFEED JOB 7', /SHOW JOB id/],
    ['ALTER CHANGEFEED 7 ADD t', /cursor/],
    ["CREATE OR REPLACE CHANGEFEED FOR t INTO 'kafka://a?sasl_password=x'", /CANCEL JOB id, then CREATE CHANGEFEED/],
    ["CREATE SCHEDULE s FOR CHANGEFEED t INTO 'kafka://a' RECURRING '@daily'", /initial_scan = 'only'/],
  ] as const) {
    const error = failureOf(sql)
    assert.equal(error.sqlstate, '0A000')
    assert.match(error.hint ?? '', hint)
  }
})
