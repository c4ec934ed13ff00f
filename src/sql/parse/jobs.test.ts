import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobIds } from '../ast.ts'
import { failureOf, parseOne } from '../../../test/support/parse-one.ts'

function show(ids: JobIds | undefined): string {
  if (ids === undefined) return 'all'
  if (ids.tag === 'select') return ids.sql
  return ids.values.map((value) => (value.tag === 'placeholder' ? `$${value.index}` : value.text)).join(',')
}

test('jobs are paused, resumed and cancelled by id, by ids, or by a query', () => {
  for (const verb of ['pause', 'resume', 'cancel']) {
    const control = (ids: string): string => {
      const statement = parseOne(`${verb.toUpperCase()} ${ids}`)
      assert.ok(statement?.tag === 'control-jobs' && statement.verb === verb)
      return `${statement.ids.tag} ${show(statement.ids)}`
    }
    assert.equal(control('JOB 27536791415282'), 'values 27536791415282')
    assert.equal(control("job '1'"), 'values 1')
    assert.equal(control('JOB $1'), 'values $1')
    assert.equal(control('JOBS 1, 2'), 'values 1,2')
    assert.equal(control('JOBS (1, 2)'), 'values 1,2')
    assert.equal(control('JOBS SELECT a FROM b'), 'select SELECT a FROM b')
    assert.equal(
      control("JOBS (SELECT job_id FROM [SHOW JOBS] WHERE u = 'é😀')"),
      "select (SELECT job_id FROM [SHOW JOBS] WHERE u = 'é😀')",
    )
    assert.equal(
      control('JOBS WITH x AS (SHOW JOBS) SELECT job_id FROM x'),
      'select WITH x AS (SHOW JOBS) SELECT job_id FROM x',
    )
    assert.equal(control('JOBS VALUES (1), (2)'), 'select VALUES (1), (2)')
    assert.equal(control('JOBS ((SELECT 1))'), 'select ((SELECT 1))')
  }
})

test('a pause may have a reason', () => {
  const pause = (text: string): string => {
    const statement = parseOne(`PAUSE ${text}`)
    return statement?.tag === 'control-jobs' ? show(statement.ids) : ''
  }
  assert.equal(pause("JOB 1 WITH REASON = 'upgrade'"), '1')
  assert.equal(pause("/* 😀 */ JOBS (SELECT (1)) WITH REASON = 'upgrade'"), '(SELECT (1))')
  assert.equal(failureOf("RESUME JOB 1 WITH REASON = 'x'").at, "WITH REASON = 'x'")
})

test('SHOW JOBS shows all, some, or waits for some', () => {
  const table: [sql: string, ids: string, whenComplete: boolean][] = [
    ['SHOW JOBS', 'all', false],
    ['SHOW JOB 1', '1', false],
    ['SHOW JOBS (SELECT 1)', '(SELECT 1)', false],
    ['SHOW JOBS SELECT 1', 'SELECT 1', false],
    ['SHOW JOB WHEN COMPLETE 1', '1', true],
    ['SHOW JOBS WHEN COMPLETE (SELECT 1)', '(SELECT 1)', true],
    ['SHOW JOBS WHEN COMPLETE SELECT 1', 'SELECT 1', true],
  ]
  for (const [sql, ids, whenComplete] of table) {
    const statement = parseOne(sql)
    assert.ok(statement?.tag === 'show-jobs', sql)
    assert.deepEqual([show(statement.ids), statement.whenComplete], [ids, whenComplete], sql)
  }
  assert.deepEqual(parseOne('SHOW AUTOMATIC JOBS'), { tag: 'show-automatic-jobs' })
})

test('what does not parse says where, and what was meant', () => {
  const pause = 'PAUSE JOB id, or PAUSE JOBS (SELECT job_id FROM [SHOW JOBS] WHERE …)'
  const shown = 'SHOW JOBS, SHOW JOB id, or SHOW JOB WHEN COMPLETE id'
  const table: [sql: string, at: string, hint: string | undefined][] = [
    ['PAUSE JOB', '', pause],
    ['PAUSE JOB 1 2', '2', pause],
    ['PAUSE JOB ()', ')', undefined],
    ['PAUSE JOBS (1', '', undefined],
    ['PAUSE JOBS (SELECT 1', '', undefined],
    ['PAUSE JOBS 1,', '', undefined],
    ['PAUSE JOB 1 WITH REASON', '', undefined],
    ['SHOW JOB', '', shown],
    ['SHOW JOB WHEN COMPLETE', '', shown],
    ['SHOW JOB 1 x', 'x', undefined],
    ['SHOW AUTOMATIC JOBS x', 'x', undefined],
  ]
  for (const [sql, at, hint] of table) {
    const failure = failureOf(sql)
    assert.deepEqual([failure.sqlstate, failure.at, failure.hint], ['42601', at, hint], sql)
  }
})

test('the jobs of a schedule are named as not built', () => {
  for (const sql of ['PAUSE JOBS', 'RESUME JOBS', 'CANCEL JOBS', 'SHOW JOBS']) {
    const failure = failureOf(`${sql} FOR SCHEDULE 1`)
    assert.deepEqual([failure.sqlstate, failure.at], ['0A000', 'FOR SCHEDULE 1'])
    assert.equal(failureOf(`${sql} FOR SCHEDULES SELECT 1`).sqlstate, '0A000')
  }
})
