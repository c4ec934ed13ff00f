// Schema changes under a running changefeed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/until.ts'
import { looksForChanges, type FeedSuiteContext } from './feed-kit.ts'

/** These tests are about the rows of transactions. */
const noBackfill = "schema_change_policy = 'nobackfill'"

export function feedChangesTables({ kit, world }: FeedSuiteContext): void {
  const { skip = false } = kit
  const isUnnamed =
    looksForChanges(kit) &&
    kit.isPartitioned === true &&
    'a partition whose rows are written anew may have been unlogged meanwhile, so feeds read it again or end'

  test(
    'diff shows a row with the columns it had, also before an ALTER TABLE of the same transaction',
    { skip },
    async () => {
      const t = await world().table('a INT PRIMARY KEY, b INT, c TEXT', "(1, 1, 'x'), (2, 2, 'y')")
      await using feed = await world().open(t, `diff, ${noBackfill}`)
      await feed.row(2)
      await world().sql(
        `BEGIN; UPDATE ${t} SET b = 10 WHERE a = 1; ALTER TABLE ${t} RENAME b TO bee; ALTER TABLE ${t} ADD COLUMN d INT;
       ALTER TABLE ${t} DROP COLUMN c; UPDATE ${t} SET bee = 11, d = 5 WHERE a = 1; DELETE FROM ${t} WHERE a = 2; COMMIT`,
      )
      await feed.row(4)
      // The values of the dropped column are logged only with the row that was changed before.
      const gone = kit.showsOldColumns ? '{"a": 2, "b": 2}' : '{"a": 2, "bee": 2, "d": null}'
      const before = kit.showsOldColumns ? '{"a": 1, "b": 1, "c": "x"}' : '{"a": 1, "bee": 1, "d": null}'
      assert.deepEqual(feed.texts.slice(2), [
        `${t}: [1]->{"after": {"a": 1, "bee": 11, "d": 5}, "before": ${before}}`,
        `${t}: [2]->{"after": null, "before": ${gone}}`,
      ])
    },
  )

  test(
    'columns added, dropped, renamed and retyped in the middle never stop a feed',
    { skip: skip || isUnnamed },
    async () => {
      const t = await world().table('a INT PRIMARY KEY, b INT', '(1, 1)')
      await using feed = await world().open(t, `diff, ${noBackfill}`)
      await feed.row(1)
      await world().sql(`ALTER TABLE ${t} ADD COLUMN c TEXT`)
      await world().sql(`INSERT INTO ${t} VALUES (2, 2, 'x')`)
      await world().sql(
        `BEGIN; UPDATE ${t} SET b = 20 WHERE a = 2; ALTER TABLE ${t} RENAME COLUMN b TO bee; INSERT INTO ${t} VALUES (3, 3, 'y'); COMMIT`,
      )
      await world().sql(`ALTER TABLE ${t} ALTER bee TYPE TEXT USING bee::TEXT`)
      await world().sql(`INSERT INTO ${t} VALUES (4, 'four', 'z')`)
      await world().sql(`ALTER TABLE ${t} DROP COLUMN c`)
      await world().sql(`INSERT INTO ${t} VALUES (5, 'five')`)
      await until('the last row', 10_000, () => feed.texts.find((text) => text.startsWith(`${t}: [5]`)))
      const last = new Map(feed.rows.map(({ key, value }) => [key, value]))
      const before = kit.showsOldColumns ? '{"a": 2, "b": 2, "c": "x"}' : '{"a": 2, "bee": 2, "c": "x"}'
      assert.equal(last.get('[2]'), `{"after": {"a": 2, "bee": 20, "c": "x"}, "before": ${before}}`)
      assert.equal(last.get('[3]'), '{"after": {"a": 3, "bee": 3, "c": "y"}, "before": null}')
      assert.equal(last.get('[4]'), '{"after": {"a": 4, "bee": "four", "c": "z"}, "before": null}')
      assert.equal(last.get('[5]'), '{"after": {"a": 5, "bee": "five"}, "before": null}')
    },
  )
}
