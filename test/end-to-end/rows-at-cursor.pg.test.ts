// Rows as of a cursor (`cursor` with `initial_scan = 'yes'`) after a DDL since: true ones, or a refusal.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { TestServer } from '../server/test-server.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

/** A feed of the rows as of the time before `since`. */
async function scanBefore(table: string, since: readonly string[]): Promise<SinklessFeed> {
  let cursor = ''
  {
    await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${table} WITH resolved, diff`)
    cursor = formatHlc(await feed.resolvedPast(zeroHlc))
  }
  for (const sql of since) await server.sql(sql)
  return SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR ${table} WITH updated, cursor = '${cursor}', initial_scan = 'yes', schema_change_policy = 'nobackfill'`,
  )
}

const refusals: readonly { readonly what: string; readonly since: readonly string[]; readonly message: RegExp }[] = [
  {
    what: 'the key has become DEFERRABLE',
    since: [
      "UPDATE t SET v = 1 WHERE a < 3; INSERT INTO t VALUES (4, 4, 'x')",
      'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a) DEFERRABLE',
      'UPDATE t SET v = 5 WHERE a = 2; DELETE FROM t WHERE a = 1',
    ],
    message: /the primary key of table "t" has become DEFERRABLE since the cursor/,
  },
  {
    what: 'every row was rewritten with the same type',
    since: ['UPDATE t SET v = 20 WHERE a = 2', 'ALTER TABLE t ALTER v TYPE int8 USING v * 100'],
    message: /every row of table "t" was rewritten with other values by ALTER TABLE since the cursor/,
  },
  {
    what: 'a type changed',
    since: ['ALTER TABLE t ALTER v TYPE text USING v * 100'],
    message: /column "v" of table "t" has changed or is gone since the cursor/,
  },
  {
    what: 'names were swapped',
    since: ['BEGIN; ALTER TABLE t RENAME v TO x; ALTER TABLE t RENAME w TO v; ALTER TABLE t RENAME x TO w; COMMIT'],
    message: /column "v" of table "t" has changed or is gone since the cursor/,
  },
  {
    what: 'a column was dropped and added again',
    since: ["ALTER TABLE t DROP v; ALTER TABLE t ADD v text DEFAULT 'new'"],
    message: /column "v" of table "t" has changed or is gone since the cursor/,
  },
]

for (const { what, since, message } of refusals) {
  test(`rows as of a cursor are refused with a hint when ${what} since`, { timeout: 180_000 }, async () => {
    await server.sql("DROP TABLE IF EXISTS t; CREATE TABLE t (a INT PRIMARY KEY, v INT8, w TEXT DEFAULT 'w')")
    await server.sql('INSERT INTO t VALUES (1, 0), (2, 0), (3, 0)')
    await using feed = await scanBefore('t', since)
    await feed.ended
    assert.match(feed.error?.message ?? '', message)
    assert.match(feed.error?.hint ?? '', /a cursor behind the change, without a cursor, or with initial_scan='no'/)
    assert.deepEqual(feed.rows, [])
  })
}

test('rows as of a cursor have the columns of then, and the changes since theirs', async () => {
  await server.sql('CREATE TABLE wider (a INT PRIMARY KEY, v INT); INSERT INTO wider VALUES (1, 0), (2, 0), (3, 0)')
  await using feed = await scanBefore('wider', [
    'UPDATE wider SET v = 1 WHERE a = 1',
    'ALTER TABLE wider ADD COLUMN c INT DEFAULT 7',
    'UPDATE wider SET v = 2 WHERE a < 3',
    // A table that is only stored anew holds the same values.
    'VACUUM FULL wider',
  ])
  await feed.row(6)
  const said = feed.rows.map(({ key, value }) => `${key} ${/"after": (\{[^}]*\})/.exec(value)?.[1]}`)
  assert.deepEqual(said.slice(0, 3).sort(), ['[1] {"a": 1, "v": 0}', '[2] {"a": 2, "v": 0}', '[3] {"a": 3, "v": 0}'])
  assert.deepEqual(said.slice(3), [
    '[1] {"a": 1, "v": 1}',
    '[1] {"a": 1, "c": 7, "v": 2}',
    '[2] {"a": 2, "c": 7, "v": 2}',
  ])
})

test('who owns a table may rewrite it, superuser or not', async () => {
  await server.sql('CREATE ROLE writer LOGIN; CREATE TABLE theirs (a INT PRIMARY KEY, v INT)')
  await server.sql('ALTER TABLE theirs OWNER TO writer')
  await using feed = await SinklessFeed.open(
    server,
    "EXPERIMENTAL CHANGEFEED FOR theirs WITH resolved, schema_change_policy = 'nobackfill'",
  )
  await feed.resolvedPast(zeroHlc)
  await server.sql('INSERT INTO theirs VALUES (1, 1)')
  await server.sql('SET ROLE writer; ALTER TABLE theirs ALTER v TYPE int8 USING v * 100; RESET ROLE')
  await server.sql('UPDATE theirs SET v = v + 1')
  await feed.row(2)
  assert.deepEqual(feed.texts, [
    'theirs: [1]->{"after": {"a": 1, "v": 1}}',
    'theirs: [1]->{"after": {"a": 1, "v": 101}}',
  ])
})
