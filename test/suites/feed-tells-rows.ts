// Which messages a changefeed sends for which changes of rows.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { hlcOf, withoutTime } from '../feed/test-feed.ts'
import type { FeedSuiteContext } from './feed-kit.ts'

export function feedTellsRows({ kit, world }: FeedSuiteContext): void {
  const { skip = false } = kit

  test('rows that exist come first, then each change, in order', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY, b TEXT', "(1, 'one')")
    await using feed = await world().open(t)
    await feed.row(1)
    await world().sql(`INSERT INTO ${t} VALUES (2, 'two')`)
    await world().sql(`UPDATE ${t} SET b = 'zwei' WHERE a = 2`)
    await world().sql(`DELETE FROM ${t} WHERE a = 1`)
    await feed.row(4)
    assert.deepEqual(feed.texts, [
      `${t}: [1]->{"after": {"a": 1, "b": "one"}}`,
      `${t}: [2]->{"after": {"a": 2, "b": "two"}}`,
      `${t}: [2]->{"after": {"a": 2, "b": "zwei"}}`,
      `${t}: [1]->{"after": null}`,
    ])
  })

  test('a transaction gives one message per row, with what it was before the transaction', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY, b INT', '(1, 0), (2, 0)')
    await using feed = await world().open(t, 'diff, updated')
    await feed.row(2)
    await world().sql(
      `BEGIN; UPDATE ${t} SET b = 1 WHERE a = 1; UPDATE ${t} SET b = 2 WHERE a = 1; INSERT INTO ${t} VALUES (3, 3); DELETE FROM ${t} WHERE a = 3; UPDATE ${t} SET a = 20 WHERE a = 2; COMMIT`,
    )
    await world().sql(`INSERT INTO ${t} VALUES (9, 9)`)
    await feed.row(6)
    assert.deepEqual(feed.texts.slice(2).map(withoutTime), [
      `${t}: [1]->{"after": {"a": 1, "b": 2}, "before": {"a": 1, "b": 0}}`,
      `${t}: [2]->{"after": null, "before": {"a": 2, "b": 0}}`,
      `${t}: [20]->{"after": {"a": 20, "b": 0}, "before": null}`,
      `${t}: [9]->{"after": {"a": 9, "b": 9}, "before": null}`,
    ])
    assert.equal(new Set(feed.rows.slice(2, 5).map(({ value }) => formatHlc(hlcOf(value, 'updated')))).size, 1)
  })

  test('out-of-line values that an update leaves alone are complete', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY, big TEXT, n INT')
    await world().sql(
      `ALTER TABLE ${t} ALTER big SET STORAGE EXTERNAL; INSERT INTO ${t} VALUES (1, repeat('x', 100000), 0)`,
    )
    await using feed = await world().open(t)
    await feed.row(1)
    await world().sql(`UPDATE ${t} SET n = 1`)
    const [, updated] = await feed.row(2)
    assert.equal(updated?.value, `{"after": {"a": 1, "big": "${'x'.repeat(100_000)}", "n": 1}}`)
  })

  test('a key that is stored out of line is complete, whatever an update leaves alone', { skip }, async () => {
    const t = await world().table('k TEXT, other TEXT, n INT, PRIMARY KEY (k)')
    await world().sql(
      `ALTER TABLE ${t} ALTER k SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL;
       INSERT INTO ${t} VALUES (repeat('k', 2500), repeat('o', 2500), 0)`,
    )
    await using feed = await world().open(t, 'diff')
    await feed.row(1)
    await world().sql(`UPDATE ${t} SET n = 1`)
    await world().sql(`BEGIN; UPDATE ${t} SET n = 2; UPDATE ${t} SET k = 'short'; UPDATE ${t} SET n = 3; COMMIT`)
    await world().sql(`DELETE FROM ${t}`)
    await feed.row(5)
    const key = 'k'.repeat(2500)
    const row = (k: string, n: number): string => `{"k": "${k}", "n": ${n}, "other": "${'o'.repeat(2500)}"}`
    assert.deepEqual(feed.texts, [
      `${t}: ["${key}"]->{"after": ${row(key, 0)}, "before": null}`,
      `${t}: ["${key}"]->{"after": ${row(key, 1)}, "before": ${row(key, 0)}}`,
      `${t}: ["${key}"]->{"after": null, "before": ${row(key, 1)}}`,
      `${t}: ["short"]->{"after": ${row('short', 3)}, "before": null}`,
      `${t}: ["short"]->{"after": null, "before": ${row('short', 3)}}`,
    ])
  })

  test('a transaction of many blocks gives the last change of each row', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY, b INT, filler TEXT')
    await world().sql(`INSERT INTO ${t} SELECT i, 0, repeat('f', 100) FROM generate_series(1, 20000) i`)
    await using feed = await world().open(t, 'diff, no_initial_scan, resolved')
    await feed.resolvedPast(zeroHlc)
    await world().sql(`INSERT INTO ${t} VALUES (0, 0, '')`)
    await feed.row(1)
    await world().sql(
      `BEGIN; UPDATE ${t} SET b = 1 WHERE a > 0; UPDATE ${t} SET b = 2 WHERE a > 0; DELETE FROM ${t} WHERE a > 19990; COMMIT`,
    )
    const rows = (await feed.row(20_001)).slice(1)
    assert.equal(new Set(rows.map(({ key }) => key)).size, 20_000)
    assert.equal(rows.filter(({ value }) => value.startsWith('{"after": null')).length, 10)
    assert.ok(rows.every(({ value }) => value.includes('"before": {"a": ') && value.includes('"b": 0')))
  })
}
