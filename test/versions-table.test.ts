import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readReports } from '../scripts/report-files.ts'
import { filesOf, targets } from '../scripts/version-suites.ts'
import { versionsTable } from '../scripts/versions-table.ts'

test('the table of versions says which suites passed, which only alone, which failed, and which are not run', () => {
  const file = 'src/scan/cut.pg.test.ts'
  const table = versionsTable(
    [
      { target: '15', file, outcome: 'passed', passed: 3 },
      { target: '15', file: 'src/scan/other.pg.test.ts', outcome: 'passed again', passed: 2 },
      { target: '15', file: 'test/crash/one.crash.test.ts', outcome: 'failed', passed: 1 },
      { target: '17-prepared', file, outcome: 'passed', passed: 3 },
    ],
    new Map([
      ['15', 2.25],
      ['17-prepared', 0.5],
    ]),
  )
  assert.deepEqual(table.split('\n').slice(1), [
    '                15  17-prepared',
    'src/scan        5*            3',
    'test/crash  FAILED            –',
    'minutes        2.3          0.5',
    'PostgreSQL 15: src/scan/other.pg.test.ts passed when it was run again alone',
    'PostgreSQL 15: test/crash/one.crash.test.ts FAILED',
  ])
})

test('a file of which the run says nothing has failed', () => {
  const line = { file: '/root/a.test.ts', isPassed: true, seconds: 1, passed: 2, failed: 0, skipped: 0 }
  const reports = readReports(`${JSON.stringify(line)}\n`, { files: ['a.test.ts', 'b.test.ts'], root: '/root/' })
  assert.deepEqual(
    reports.map(({ file, isPassed }) => [file, isPassed]),
    [
      ['a.test.ts', true],
      ['b.test.ts', false],
    ],
  )
})

test('each version and role has files, and every beginning of a path finds some', () => {
  for (const target of targets) {
    const files = filesOf(target)
    for (const part of target.suites)
      assert.ok(
        files.some((file) => file.startsWith(part)),
        `${target.name}: ${part}`,
      )
  }
})
