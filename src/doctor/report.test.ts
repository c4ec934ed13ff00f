import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from './finding.ts'
import { reportText } from './report.ts'
import { wrap } from './wrap.ts'

const fine: Finding = { id: 'wal_level', subject: 'server', verdict: 'ok', what: 'wal_level is logical' }
const costly: Finding = {
  id: 'wal_keep',
  subject: 'server',
  verdict: 'warning',
  what: 'there is no limit',
  remedy: `ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'`,
}
const broken: Finding = { id: 'key', subject: 'public.t', verdict: 'failure', what: 'it has no primary key' }

test('only what is not ok is printed, failures first, and how much is ok', () => {
  const report = { findings: [fine, costly, broken], facts: undefined }
  assert.equal(
    reportText(report, { all: false }),
    `FAILURE  key  table public.t
         it has no primary key

WARNING  wal_keep
         there is no limit
         → ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'

1 of 3 checks are ok; --all shows them: what is created, which locks are taken, how long a scan takes
1 failure: a changefeed cannot start; 1 warning
`,
  )
  assert.equal(
    reportText(report, { all: true }),
    `ok       wal_level  wal_level is logical
WARNING  wal_keep   there is no limit
                    → ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'

table public.t
FAILURE  key        it has no primary key

1 failure: a changefeed cannot start; 1 warning
`,
  )
})

test('every failure is printed, and of many warnings of one check the first ones', () => {
  const of = (verdict: 'failure' | 'warning'): Finding[] =>
    Array.from({ length: 30 }, (_, i) => ({ id: 'identity', subject: `public.t${i}`, verdict, what: 'it costs' }))
  const lines = (style: { readonly all: boolean }): number =>
    reportText({ findings: [...of('failure'), ...of('warning')], facts: undefined }, style)
      .split('\n')
      .filter((line) => /^(?:FAILURE|WARNING)/.test(line)).length
  assert.equal(lines({ all: false }), 30 + 10 + 1)
  assert.equal(lines({ all: true }), 60)
  const text = reportText({ findings: of('warning'), facts: undefined }, { all: false })
  assert.match(
    text,
    /^WARNING {2}identity {2}20 more tables; --all shows them\n\n30 warnings: a changefeed can start\n$/m,
  )
})

test('in a terminal lines are broken at words, but never in a string, a name or a command of the shell', () => {
  assert.equal(
    wrap(`the server's log says: SET a = 'one two three'; SET b`, { indent: 2, width: 34 }),
    `the server's log says: SET a =\n  'one two three'; SET b`,
  )
  assert.equal(wrap('a b c', { indent: 0, width: undefined }), 'a b c')
  const remedy = `a superuser runs what this prints: changefeed setup-sql --postgres=... --role=cdc --tables=public.orders`
  const text = reportText({ findings: [{ ...costly, remedy }], facts: undefined }, { all: false, width: 60 })
  assert.ok(text.includes(`\n         → ${remedy}\n`))
  const narrow = reportText({ findings: [costly], facts: undefined }, { all: false, width: 52 })
  assert.match(narrow, /→ ALTER SYSTEM SET max_slot_wal_keep_size =\n {11}'10GB'\n/)
})

test('the mark of a verdict gets a colour, which does not move the text', () => {
  const paint = (verdict: string, mark: string): string => `<${verdict}>${mark}</>`
  const text = reportText({ findings: [costly], facts: undefined }, { all: false, paint })
  assert.match(text, /^<warning>WARNING<\/> {2}wal_keep\n/)
})
