// What `diff` says was before a transaction that changes its table and then rows of it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { TestServer } from '../server/test-server.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

const cases: readonly {
  readonly name: string
  /** Committed before the transaction. */
  readonly earlier?: string
  readonly ddl: string
  readonly change: string
  readonly message: string
}[] = [
  {
    name: 'added columns were not there',
    ddl: 'ALTER TABLE t ADD COLUMN c INT DEFAULT 7',
    change: 'UPDATE t SET v = 1; UPDATE t SET v = 2',
    message: '{"after": {"a": 1, "c": 7, "v": 2, "w": 5}, "before": {"a": 1, "v": 0, "w": 5}}',
  },
  {
    name: 'renamed columns had their names',
    ddl: 'ALTER TABLE t RENAME v TO x; ALTER TABLE t RENAME w TO v',
    change: 'UPDATE t SET v = 6',
    message: '{"after": {"a": 1, "v": 6, "x": 0}, "before": {"a": 1, "v": 0, "w": 5}}',
  },
  {
    name: 'a deleted row had the columns of then',
    ddl: 'ALTER TABLE t ADD COLUMN c INT DEFAULT 7',
    change: 'DELETE FROM t',
    message: '{"after": null, "before": {"a": 1, "v": 0, "w": 5}}',
  },
  {
    name: 'columns were those of an earlier DDL after which no row has come',
    earlier: 'ALTER TABLE t RENAME v TO x; ALTER TABLE t RENAME w TO v; ALTER TABLE t ALTER x TYPE TEXT',
    ddl: 'SELECT',
    change: 'UPDATE t SET v = 6',
    message: '{"after": {"a": 1, "v": 6, "x": "0"}, "before": {"a": 1, "v": 5, "x": "0"}}',
  },
  {
    name: 'columns were those of then that are still there',
    ddl: 'ALTER TABLE t DROP COLUMN v, ADD COLUMN c INT DEFAULT 7; ALTER TABLE t RENAME w TO v',
    change: 'UPDATE t SET v = 6',
    message: '{"after": {"a": 1, "c": 7, "v": 6}, "before": {"a": 1, "w": 5}}',
  },
  {
    name: 'values of a dropped column are not logged, so it is left out',
    ddl: 'ALTER TABLE t DROP COLUMN v',
    change: 'UPDATE t SET w = 6',
    message: '{"after": {"a": 1, "w": 6}, "before": {"a": 1, "w": 5}}',
  },
  {
    name: 'values before a rewrite are not logged, so the row is the one after the DDL',
    ddl: 'ALTER TABLE t ALTER w TYPE int8 USING w * 10',
    change: 'UPDATE t SET v = 1',
    message: '{"after": {"a": 1, "v": 1, "w": 50}, "before": {"a": 1, "v": 0, "w": 50}}',
  },
]

for (const { name, earlier, ddl, change, message } of cases) {
  for (const [size, rows] of [
    ['in one block', 0],
    ['over many blocks', 20_000],
  ] as const) {
    test(`before a transaction that changes its table ${name} (${size})`, { timeout: 180_000 }, async () => {
      await server.sql('DROP TABLE IF EXISTS t; CREATE TABLE t (a INT PRIMARY KEY, v INT, w INT)')
      await server.sql('INSERT INTO t VALUES (1, 0, 5)')
      await using feed = await SinklessFeed.open(
        server,
        "EXPERIMENTAL CHANGEFEED FOR t WITH diff, resolved = '100ms', initial_scan = 'no', schema_change_policy = 'nobackfill'",
      )
      await feed.resolvedPast(zeroHlc)
      await server.sql('UPDATE t SET v = v')
      await feed.row(1)
      if (earlier !== undefined) await server.sql(earlier)
      const more = `INSERT INTO t (a) SELECT 10 + i FROM generate_series(1, ${rows}) AS i`
      await server.sql(`BEGIN; ${ddl}; ${change}; ${more}; COMMIT`)
      await feed.row(2 + rows)
      const said = feed.rows
        .slice(1)
        .filter(({ key }) => key === '[1]')
        .map(({ value }) => value)
      assert.deepEqual(said, [message])
    })
  }
}
