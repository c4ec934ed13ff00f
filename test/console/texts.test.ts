// How the console writes numbers, times and statements, and reads the definitions of charts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ago, bytes, compact, duration, momentText, systemTime } from '../../console/src/format.ts'
import { lineOf, newMetric, readCharts } from '../../console/src/graph/chart-definition.ts'
import { spanIn } from '../../console/src/graph/span.ts'
import { statementOf } from '../../src/server/api/form-statement.ts'

test('numbers, sizes and lengths of time have few digits', () => {
  assert.deepEqual([0, 1023, 1536, 5 * 1024 ** 3, null].map(bytes), ['0 B', '1023 B', '1.5 KiB', '5 GiB', '–'])
  assert.deepEqual([0, 3.14159, 1234, 12_345, 7_654_321].map(compact), ['0', '3.14', '1,234', '12.3k', '7.65M'])
  assert.deepEqual([0, 0.25, 15, 1500, 61_000, 3_600_000, 90_000_000, null].map(duration), [
    '0 s',
    '0.25 ms',
    '15 ms',
    '1.5 s',
    '1 min 1 s',
    '1 h',
    '1 d 1 h',
    '–',
  ])
  assert.deepEqual([ago(1000, 1500), ago(1000, 62_000)], ['just now', '1 min 1 s ago'])
})

test('a span of time in the address is taken if there can be such a span', () => {
  const read = (text: string) => spanIn(new URLSearchParams(text))
  assert.deepEqual(read('from=1000&to=2000.4'), { fromMs: 1000, toMs: 2000 })
  for (const text of ['', 'from=2000&to=1000', 'from=x&to=y', 'from=1&to=1e300', 'from=1e16&to=2e16', 'from=-5&to=5'])
    assert.equal(read(text), undefined, text)
})

test('a moment is written as the tooltip of a graph has it', () => {
  assert.equal(momentText(Date.UTC(2019, 2, 28, 19, 9, 50)), '19:09:50 on Mar 28th, 2019')
  const endings = [1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31].map((day) =>
    momentText(Date.UTC(2024, 0, day)).slice(16, -6),
  )
  assert.deepEqual(endings, ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '22nd', '23rd', '31st'])
})

test('a high-water timestamp is a system time with microseconds', () => {
  assert.equal(systemTime('1537279405671006870.0000000000'), '2018-09-18 14:03:25.671006+00:00')
})

test('the form writes CREATE CHANGEFEED with its texts quoted', () => {
  assert.equal(
    statementOf({ tables: ['a', 'b."C d"'], sink: `kafka://h?x='y'`, options: { updated: '', resolved: `1's` } }),
    `CREATE CHANGEFEED FOR TABLE a, TABLE b."C d"\nINTO 'kafka://h?x=''y'''\nWITH updated, resolved = '1''s'`,
  )
  assert.equal(statementOf({ tables: [], sink: '', options: {} }), `CREATE CHANGEFEED FOR …\nINTO '…'`)
})

test('a definition in an address is read as far as it is one', () => {
  assert.deepEqual(readCharts(null), [])
  assert.deepEqual(readCharts('{"a":'), [])
  assert.deepEqual(readCharts('[1, {"units": "nope", "metrics": [{"metric": 5, "rate": "rate"}, null]}]'), [
    { units: 'count', metrics: [] },
    { units: 'count', metrics: [{ ...newMetric, rate: 'rate' }, newMetric] },
  ])
  const metric = { ...newMetric, metric: 'changefeed.running', source: 'scope' }
  assert.equal(lineOf(metric, { units: 'count', unit: 'count' }).aggregate, null)
  assert.equal(lineOf({ ...metric, source: 'node' }, { units: 'count', unit: 'count' }).of, 'cluster')
})
