import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withoutNear, withoutTyped } from './log-refusals.ts'

test('an error in the log has nothing that was typed where a value is expected, with quotes or without', () => {
  for (const [sql, said, logged] of [
    ['CREATE CHANGEFEED FOR t INTO hunter2', 'at or near "hunter2"', 'at or near "…"'],
    [
      'CREATE CHANGEFEED FOR t INTO Hunter2 WITH updated',
      'at or near "Hunter2" or hunter2, updated',
      'at or near "…" or …, updated',
    ],
    ['CREATE CHANGEFEED FOR t INTO kafka://u:hunter2@h WITH updated', 'in kafka://u:hunter2@h', 'in …'],
    [
      `CREATE CHANGEFEED FOR t INTO 'null:' WITH format = hunter2, diff`,
      'unknown format: hunter2; diff',
      'unknown format: …; diff',
    ],
    [`CREATE CHANGEFEED FOR t WITH webhook_auth_header = Basic hunter2`, 'at or near "hunter2"', 'at or near "…"'],
    [`CREATE CHANGEFEED FOR t WITH a = pass-word123`, 'bad pass-word123', 'bad …'],
    [`CREATE CHANGEFEED FOR t WITH a = "hunter2", b`, 'bad hunter2 and "hunter2"', 'bad … and …'],
    [`CREATE CHANGEFEED FOR t INTO 'kafka://h?x=hunter2'`, 'bad hunter2', 'bad …'],
    ['CREATE CHANGEFEED FOR t INTO $1', 'bad hunter2', 'bad …'],
    [`CREATE CHANGEFEED FOR t WITH updated = true`, 'updated must not be true', 'updated must not be true'],
  ] as const)
    assert.equal(withoutTyped(said, sql, sql.includes('$1') ? ['hunter2'] : []), logged, sql)
})

test('a syntax error in the log names only words of the grammar', () => {
  for (const [said, logged] of [
    ['syntax error at or near "hunter2"', 'syntax error at or near "…"'],
    [`syntax error at or near "'hunter2"`, 'syntax error at or near "…"'],
    ['syntax error at or near ""hun"" "ter2""', 'syntax error at or near "…"'],
    ['syntax error at or near "hun\nter2"', 'syntax error at or near "…"'],
    ['syntax error at or near "INTO"', 'syntax error at or near "INTO"'],
    ['syntax error at or near ","', 'syntax error at or near ","'],
    ['syntax error at end of input', 'syntax error at end of input'],
    ['relation "near" does not exist', 'relation "near" does not exist'],
  ] as const)
    assert.equal(withoutNear(said), logged)
})
