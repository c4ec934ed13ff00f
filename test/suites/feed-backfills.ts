// What a changefeed does when its tables are changed, as its schema_change_policy says.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareHlc, formatHlc, nextHlc, zeroHlc, type Hlc } from '../../src/core/hlc.ts'
import { hlcOf, withoutTime, type FeedMessage, type TestFeed } from '../feed/test-feed.ts'
import { until } from '../support/until.ts'
import { assertDropped, looksForChanges, type FeedSuiteContext, type FeedWorld } from './feed-kit.ts'

const times = 'updated, resolved'

const updatedOf = ({ value }: FeedMessage): Hlc => hlcOf(value, 'updated')

/** Every row with one of these texts, in any order. */
function assertRows(feed: TestFeed, from: number, expected: readonly string[]): void {
  assert.deepEqual(
    feed.texts
      .slice(from, from + expected.length)
      .map(withoutTime)
      .sort(),
    [...expected].sort(),
  )
}

/** A time of now, from which a feed can start. */
async function cursorOf(world: FeedWorld, table: string): Promise<string> {
  await using feed = await world.open(table, 'resolved')
  return formatHlc(await feed.resolvedPast(zeroHlc))
}

export function feedBackfills({ kit, world }: FeedSuiteContext): void {
  const { skip = false } = kit
  const isPrepared = looksForChanges(kit) && 'a DBA has prepared the tables'

  test(
    'a column with a default: what came before is resolved, all rows come again with one time, and later changes after them',
    { skip },
    async () => {
      const t = await world().table('a INT PRIMARY KEY, b TEXT', "(1, 'x'), (2, 'y')")
      await using feed = await world().open(t, times)
      await feed.row(2)
      await world().sql(`INSERT INTO ${t} VALUES (3, 'z')`)
      await world().sql(`ALTER TABLE ${t} ADD COLUMN c INT DEFAULT 7`)
      await world().sql(`INSERT INTO ${t} VALUES (4, 'v', 8)`)
      await feed.row(7)
      assertRows(feed, 3, [
        `${t}: [1]->{"after": {"a": 1, "b": "x", "c": 7}}`,
        `${t}: [2]->{"after": {"a": 2, "b": "y", "c": 7}}`,
        `${t}: [3]->{"after": {"a": 3, "b": "z", "c": 7}}`,
      ])
      const at = updatedOf(feed.rows[3] ?? assert.fail())
      for (const row of feed.rows.slice(3, 6)) assert.equal(compareHlc(updatedOf(row), at), 0)
      assert.equal(withoutTime(feed.texts[6] ?? ''), `${t}: [4]->{"after": {"a": 4, "b": "v", "c": 8}}`)
      const before = feed.messages.findIndex(
        ({ topic, value }) => topic === undefined && compareHlc(nextHlc(hlcOf(value, 'resolved')), at) === 0,
      )
      assert.ok(before >= 0, 'the time before the change is resolved')
    },
  )

  test('each change that counts gives the rows of its time, also to a feed that comes later', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY, b INT', '(1, 1), (2, 2)')
    const cursor = await cursorOf(world(), t)
    await world().sql(`ALTER TABLE ${t} ADD COLUMN c INT DEFAULT 3`)
    await world().sql(`INSERT INTO ${t} VALUES (5, 5, 5)`)
    await world().sql(`ALTER TABLE ${t} ADD COLUMN d TEXT`)
    await world().sql(`ALTER TABLE ${t} ADD COLUMN e INT NOT NULL DEFAULT 4`)
    await using feed = await world().open(t, `updated, resolved, cursor = '${cursor}'`)
    await feed.row(6)
    assertRows(feed, 0, [
      `${t}: [1]->{"after": {"a": 1, "b": 1, "c": 3}}`,
      `${t}: [2]->{"after": {"a": 2, "b": 2, "c": 3}}`,
    ])
    assert.equal(withoutTime(feed.texts[2] ?? ''), `${t}: [5]->{"after": {"a": 5, "b": 5, "c": 5}}`)
    assertRows(feed, 3, [
      `${t}: [1]->{"after": {"a": 1, "b": 1, "c": 3, "d": null, "e": 4}}`,
      `${t}: [2]->{"after": {"a": 2, "b": 2, "c": 3, "d": null, "e": 4}}`,
      `${t}: [5]->{"after": {"a": 5, "b": 5, "c": 5, "d": null, "e": 4}}`,
    ])
  })

  test(
    'only tables that are changed are read again; two in one transaction have one time',
    { skip: skip || isPrepared },
    async () => {
      const [a, b, c, foreign] = [
        await world().table('id INT PRIMARY KEY', '(1)'),
        await world().table('id INT PRIMARY KEY', '(2)'),
        await world().table('id INT PRIMARY KEY', '(3)'),
        await world().table('id INT PRIMARY KEY', '(4)'),
      ]
      await using feed = await world().open([a, b, c], times)
      await feed.row(3)
      await world().sql(`ALTER TABLE ${foreign} ADD COLUMN x INT DEFAULT 1`)
      await world().sql(`ALTER TABLE ${c} ADD COLUMN x INT DEFAULT 1`)
      await feed.row(4)
      assertRows(feed, 3, [`${c}: [3]->{"after": {"id": 3, "x": 1}}`])
      await world().sql(`BEGIN; ALTER TABLE ${a} ADD x INT DEFAULT 1; ALTER TABLE ${b} ADD x INT DEFAULT 2; COMMIT`)
      await world().sql(`INSERT INTO ${c} VALUES (5, 5)`)
      await feed.row(7)
      assertRows(feed, 4, [`${a}: [1]->{"after": {"id": 1, "x": 1}}`, `${b}: [2]->{"after": {"id": 2, "x": 2}}`])
      const [first = assert.fail(), second = assert.fail()] = feed.rows.slice(4, 6).map(updatedOf)
      assert.equal(compareHlc(first, second), 0)
    },
  )

  test(
    'a feed that ends before a change does not read the rows of it, and one that ends behind does',
    { skip: skip || isPrepared },
    async () => {
      const t = await world().table('a INT PRIMARY KEY', '(1)')
      const cursor = await cursorOf(world(), t)
      await world().sql(`INSERT INTO ${t} VALUES (2)`)
      await world().sql(`ALTER TABLE ${t} ADD COLUMN b INT DEFAULT 7`)
      await world().sql(`INSERT INTO ${t} VALUES (3, 3)`)
      const all: FeedMessage[] = []
      {
        await using feed = await world().open(t, `updated, resolved, cursor = '${cursor}'`)
        await feed.row(4)
        all.push(...feed.rows)
      }
      const [inserted = assert.fail(), change = assert.fail(), , last = assert.fail()] = all.map(updatedOf)
      for (const [end, count] of [
        [inserted, 1],
        [change, 3],
        [last, 4],
      ] as const) {
        const endTime = formatHlc(end)
        await using feed = await world().open(t, `updated, resolved, cursor = '${cursor}', end_time = '${endTime}'`)
        await feed.ended
        assert.equal(feed.error, undefined)
        assert.equal(feed.rows.length, count)
        assert.equal(formatHlc(feed.resolved.at(-1) ?? zeroHlc), endTime)
      }
    },
  )

  test('stop ends the feed with a cursor, from which the next one loses nothing', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY', '(1)')
    const policy = "schema_change_policy = 'stop'"
    for (const [i, change] of [
      `ALTER TABLE ${t} ADD COLUMN b INT DEFAULT 7`,
      `BEGIN; INSERT INTO ${t} (a) VALUES (100); ALTER TABLE ${t} ADD COLUMN c INT DEFAULT 7; INSERT INTO ${t} (a) VALUES (101); COMMIT`,
    ].entries()) {
      await using feed = await world().open(t, `resolved, updated, ${policy}`)
      await until('the scan', 30_000, () => feed.rows.some(({ key }) => key === '[1]') || undefined)
      await world().sql(`INSERT INTO ${t} (a) VALUES (${10 + i})`)
      await world().sql(change)
      await world().sql(`INSERT INTO ${t} (a) VALUES (${20 + i})`)
      await feed.ended
      const cursor = /^schema change occurred at ([\d.]+)$/.exec(feed.error?.message ?? '')?.[1] ?? assert.fail()
      if (kit.showsHints) assert.match(feed.error?.hint ?? '', new RegExp(`again with cursor = '${cursor}'`))
      assert.equal(feed.rows.at(-1)?.key, `[${10 + i}]`)
      await using next = await world().open(t, `updated, ${policy}, cursor = '${cursor}'`)
      const keys = i === 0 ? ['[20]'] : ['[100]', '[101]', '[21]']
      await next.row(keys.length)
      assert.deepEqual(
        next.rows.map(({ key }) => key),
        keys,
      )
    }
  })

  test(
    'a table that is truncated or dropped before its rows are read again ends the feed when that happened',
    { skip },
    async () => {
      for (const [what, end] of [
        ['truncated', 'TRUNCATE'],
        ['dropped', 'DROP TABLE'],
      ] as const) {
        const t = await world().table('a INT PRIMARY KEY', '(1), (2)')
        const other = await world().table('a INT PRIMARY KEY')
        await using feed = await world().open([t, other], times)
        await feed.row(2)
        const [first, second] = [await world().server.connect(), await world().server.connect()]
        await first.query(`BEGIN; ALTER TABLE ${t} ADD COLUMN b INT DEFAULT 7`)
        await second.query('BEGIN')
        // The second session has the lock next, so the feed cannot read the table until it is gone.
        const locked = second.query(`LOCK TABLE ${t} IN ACCESS EXCLUSIVE MODE`)
        await until('it waits', 30_000, async () => {
          const waiting = `SELECT FROM pg_locks WHERE relation = '${t}'::regclass AND NOT granted`
          return (await world().sql(waiting)).length > 0 || undefined
        })
        await first.query('COMMIT')
        await locked
        await first.query(`INSERT INTO ${other} VALUES (1)`)
        await second.query(`${end} ${t}; COMMIT`)
        await Promise.all([first.end(), second.end()])
        await feed.ended
        if (what === 'dropped') assertDropped(kit, feed, t)
        else assert.equal(feed.error?.message, `"${t}" was ${what}`)
        assert.ok(feed.texts.some((text) => text.startsWith(`${other}: [1]`)))
        assert.deepEqual(feed.failures, [])
      }
    },
  )
}
