// A key belongs to the version of its table: rows that a transaction changes under the old primary key are not mixed up with
// those that it changes under the new one, and rows of a cursor are never looked for by another key.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { TestServer } from '../server/test-server.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { hlcOf } from '../feed/test-feed.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

for (const [name, options, filler] of [
  ['in one block', '', ''],
  ['over many blocks', '', 'x'.repeat(600_000)],
  ['with diff', ', diff', ''],
] as const) {
  test(`a transaction that moves the primary key to another column emits all rows under the new one (${name})`, async () => {
    const table = `k_${name.replaceAll(' ', '_')}`
    const client = await server.connect()
    try {
      await client.query(`CREATE TABLE ${table} (id INT PRIMARY KEY, b INT NOT NULL, s TEXT, f TEXT)`)
      await client.query(`ALTER TABLE ${table} REPLICA IDENTITY FULL`)
      await client.query(`INSERT INTO ${table} VALUES (5, 50, 'old'), (50, 5, 'other')`)
      await using feed = await SinklessFeed.open(
        server,
        `EXPERIMENTAL CHANGEFEED FOR ${table} WITH updated, resolved = '100ms', initial_scan = 'no'${options}`,
      )
      await feed.resolvedPast(zeroHlc)
      await client.query(`
        BEGIN;
        UPDATE ${table} SET s = 'first', f = '${filler}' WHERE id = 5;
        ALTER TABLE ${table} DROP CONSTRAINT ${table}_pkey, ADD PRIMARY KEY (b);
        UPDATE ${table} SET s = 'second' WHERE b = 5;
        COMMIT`)
      await feed.row(2)
      const at = hlcOf(feed.rows[0]?.value ?? '', 'updated')
      await feed.resolvedPast(at)
      const said = feed.rows.map(({ key, value }) => [key, (JSON.parse(value) as { after: { s: string } }).after.s])
      assert.deepEqual(said, [
        ['[50]', 'first'],
        ['[5]', 'second'],
      ])
      assert.ok(feed.rows.every(({ value }) => formatHlc(hlcOf(value, 'updated')) === formatHlc(at)))
    } finally {
      await client.end()
    }
  })
}

test('rows as of a cursor are refused when the primary key is another one since', async () => {
  const client = await server.connect()
  try {
    await client.query('CREATE TABLE moved (a INT PRIMARY KEY, b INT NOT NULL, v INT)')
    await client.query('ALTER TABLE moved REPLICA IDENTITY FULL; INSERT INTO moved VALUES (1, 2, 0), (2, 1, 0)')
    let cursor = ''
    {
      await using feed = await SinklessFeed.open(server, "EXPERIMENTAL CHANGEFEED FOR moved WITH resolved = '100ms'")
      cursor = formatHlc(await feed.resolvedPast(zeroHlc))
    }
    await client.query('UPDATE moved SET v = 1 WHERE a = 1')
    await client.query('ALTER TABLE moved DROP CONSTRAINT moved_pkey, ADD PRIMARY KEY (b)')
    await client.query('UPDATE moved SET v = 2 WHERE b = 1')
    await using feed = await SinklessFeed.open(
      server,
      `EXPERIMENTAL CHANGEFEED FOR moved WITH updated, cursor = '${cursor}', initial_scan = 'yes'`,
    )
    await feed.ended
    assert.match(feed.error?.message ?? '', /the primary key of table "moved" has changed since the cursor/)
    assert.match(feed.error?.hint ?? '', /cursor behind the change/)
    assert.deepEqual(feed.rows, [])
  } finally {
    await client.end()
  }
})

test('keys that are arrays of other bounds are other keys, and do not print alike', async () => {
  const client = await server.connect()
  try {
    await client.query('CREATE TABLE bounds (k INT[] PRIMARY KEY, v INT)')
    await client.query(`INSERT INTO bounds VALUES ('{1,2}', 1), ('[0:1]={1,2}', 2)`)
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR bounds')
    await feed.row(2)
    assert.deepEqual(
      new Set(feed.texts),
      new Set([
        'bounds: [[1, 2]]->{"after": {"k": [1, 2], "v": 1}}',
        'bounds: ["[0:1]={1,2}"]->{"after": {"k": [1, 2], "v": 2}}',
      ]),
    )
  } finally {
    await client.end()
  }
})
