// What a changefeed says of times: cursors, resolved timestamps, and when a row was written.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareHlc, formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { hlcOf } from '../feed/test-feed.ts'
import type { FeedSuiteContext } from './feed-kit.ts'

export function feedTellsTimes({ kit, world }: FeedSuiteContext): void {
  const { skip = false } = kit

  test('a cursor gives exactly what came after it, under the same timestamps', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY')
    const all: string[] = []
    let cursor = zeroHlc
    {
      await using feed = await world().open(t, 'updated, resolved')
      await feed.resolvedPast(zeroHlc)
      for (let i = 1; i <= 5; i++) await world().sql(`INSERT INTO ${t} VALUES (${i})`)
      await feed.row(5)
      cursor = hlcOf(feed.rows[1]?.value ?? '', 'updated')
      all.push(...feed.texts)
      await feed.resolvedPast(hlcOf(feed.rows[4]?.value ?? '', 'updated'))
      assert.deepEqual(feed.failures, [])
    }
    await using again = await world().open(t, 'updated, resolved, cursor = $1', [formatHlc(cursor)])
    await again.row(3)
    assert.deepEqual(again.texts, all.slice(2))
  })

  test('an initial scan as of a cursor takes back what changed since', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY, b TEXT', "(1, 'a'), (2, 'b'), (3, 'c')")
    let cursor = zeroHlc
    {
      await using feed = await world().open(t, 'resolved')
      await feed.row(3)
      cursor = await feed.resolvedPast(zeroHlc)
    }
    await world().sql(
      `UPDATE ${t} SET b = 'B' WHERE a = 2; DELETE FROM ${t} WHERE a = 3; INSERT INTO ${t} VALUES (4, 'd')`,
    )
    await using feed = await world().open(t, `initial_scan = 'yes', cursor = '${formatHlc(cursor)}'`)
    await feed.row(6)
    const texts = feed.texts.map((text) => text.slice(t.length + 2))
    assert.deepEqual(texts.slice(0, 3).sort(), [
      '[1]->{"after": {"a": 1, "b": "a"}}',
      '[2]->{"after": {"a": 2, "b": "b"}}',
      '[3]->{"after": {"a": 3, "b": "c"}}',
    ])
    assert.deepEqual(texts.slice(3).sort(), [
      '[2]->{"after": {"a": 2, "b": "B"}}',
      '[3]->{"after": null}',
      '[4]->{"after": {"a": 4, "b": "d"}}',
    ])
  })

  test('resolved timestamps rise, and cover what came', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY')
    await using feed = await world().open(t, 'updated, resolved')
    await world().sql(`INSERT INTO ${t} SELECT generate_series(1, 1000)`)
    await feed.row(1000)
    await feed.resolvedPast(hlcOf(feed.rows.at(-1)?.value ?? '', 'updated'))
    assert.deepEqual(feed.failures, [])
    for (const [i, ts] of feed.resolved.entries()) {
      const earlier = feed.resolved[i - 1]
      if (earlier !== undefined) assert.ok(compareHlc(earlier, ts) < 0)
    }
  })

  test('mvcc_timestamp is the commit of the version, updated the scan or the same', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY, b INT')
    for (let i = 1; i <= 3; i++) await world().sql(`INSERT INTO ${t} VALUES (${i}, 0)`)
    const times = await world().sql(
      `SELECT a, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint || '000.0000000000' AS at FROM ${t}`,
    )
    await using feed = await world().open(t, 'mvcc_timestamp, updated')
    await feed.row(3)
    const mvccOf = (value: string): string => (JSON.parse(value) as { mvcc_timestamp: string }).mvcc_timestamp
    assert.deepEqual(
      feed.rows.map(({ key, value }) => [key, mvccOf(value)]).sort(),
      times.map(({ a, at }) => [`[${String(a)}]`, at]).sort(),
    )
    const updated = new Set(feed.rows.map(({ value }) => formatHlc(hlcOf(value, 'updated'))))
    assert.equal(updated.size, 1)
    assert.ok(times.every(({ at }) => String(at) < String([...updated][0])))
    await world().sql(`UPDATE ${t} SET b = 1; DELETE FROM ${t} WHERE a = 2`)
    const changes = (await feed.row(6)).slice(3)
    for (const { value } of changes) assert.equal(mvccOf(value), formatHlc(hlcOf(value, 'updated')))
  })
}
