// What ends a changefeed, and what it says then.

import { unseen } from '../support/unseen.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { assertDropped, looksForChanges, type FeedSuiteContext } from './feed-kit.ts'

export function feedEnds({ kit, world }: FeedSuiteContext): void {
  const { skip = false } = kit
  const isPrepared = looksForChanges(kit) && 'a DBA has prepared the tables'

  test(
    'another replica identity under a running feed is refused; behind the back of event triggers it ends the feed rather than losing what it does not log',
    { skip: skip || isPrepared },
    async () => {
      const t = await world().table('a INT PRIMARY KEY, u INT NOT NULL UNIQUE', '(1, 10), (2, 20)')
      await using feed = await world().open(t)
      await feed.row(2)
      const other = (index: string): string => `ALTER TABLE ${t} REPLICA IDENTITY USING INDEX ${index}`
      await assert.rejects(world().sql(other(`${t}_u_key`)), { code: '55006', message: /cannot be lessened/ })
      const [row] = await world().sql('SELECT current_setting($$server_version_num$$)::int / 10000 AS version')
      const version = Number(row?.['version'])
      await world().sql(unseen(other(`${t}_pkey`), version))
      await world().sql(`UPDATE ${t} SET a = 3 WHERE a = 2`)
      await feed.row(4)
      await world().sql(unseen(other(`${t}_u_key`), version))
      await world().sql(`INSERT INTO ${t} VALUES (4, 40)`)
      await world().sql(`UPDATE ${t} SET a = 5 WHERE a = 1`)
      await feed.ended
      assert.match(feed.error?.message ?? '', /its primary key was not logged/)
      if (kit.showsHints) assert.match(feed.error?.hint ?? '', /REPLICA IDENTITY FULL/)
      assert.deepEqual(feed.texts.slice(2), [
        `${t}: [2]->{"after": null}`,
        `${t}: [3]->{"after": {"a": 3, "u": 20}}`,
        `${t}: [4]->{"after": {"a": 4, "u": 40}}`,
      ])
    },
  )

  test('an initial scan as of a cursor does not leave out what a TRUNCATE took', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY', '(1), (2)')
    let cursor = zeroHlc
    {
      await using feed = await world().open(t, 'resolved')
      await feed.row(2)
      cursor = await feed.resolvedPast(zeroHlc)
    }
    await world().sql(`TRUNCATE ${t}; INSERT INTO ${t} VALUES (3)`)
    for (const scan of ['yes', 'only']) {
      await using feed = await world().open(t, `initial_scan = '${scan}', cursor = '${formatHlc(cursor)}'`)
      await feed.ended
      assert.equal(feed.error?.message, `"${t}" was truncated`)
      assert.deepEqual(feed.messages, [])
    }
  })

  test('TRUNCATE and DROP end a feed and say so', { skip }, async () => {
    const truncated = await world().table('a INT PRIMARY KEY', '(1)')
    await using first = await world().open(truncated)
    await first.row(1)
    await world().sql(`INSERT INTO ${truncated} VALUES (2); TRUNCATE ${truncated}`)
    await first.ended
    assert.equal(first.error?.message, `"${truncated}" was truncated`)
    const dropped = await world().table('a INT PRIMARY KEY', '(1)')
    await using second = await world().open(dropped)
    await second.row(1)
    await world().sql(`DROP TABLE ${dropped}`)
    await second.ended
    assertDropped(kit, second, dropped)
  })

  test('initial_scan only and end_time end a feed with success', { skip }, async () => {
    const t = await world().table('a INT PRIMARY KEY', '(1), (2)')
    await using only = await world().open(t, 'initial_scan_only')
    await only.ended
    assert.equal(only.error, undefined)
    assert.equal(only.rows.length, 2)
    await using timed = await world().open(t, `end_time = '+1s', resolved`)
    await timed.ended
    assert.equal(timed.error, undefined)
    assert.equal(timed.rows.length, 2)
    assert.ok(timed.resolved.length > 0)
  })
}
