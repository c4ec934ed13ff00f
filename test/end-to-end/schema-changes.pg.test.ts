// What a changefeed does when its tables are changed, as its schema_change_policy says.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { compareHlc, nextHlc } from '../../src/core/hlc.ts'
import { hlcOf } from '../feed/test-feed.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { parseHlc } from '../support/parse-hlc.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

test('the example of the documentation: a column with a default, and every row again with it', async () => {
  await server.sql('CREATE TABLE office_dogs (id INT PRIMARY KEY, name STRING)')
  await server.sql("INSERT INTO office_dogs VALUES (1, 'Petee H'), (2, 'Carl'), (3, 'Ernie')")
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR office_dogs WITH envelope = row')
  await feed.row(3)
  await server.sql('ALTER TABLE office_dogs ADD COLUMN likes_treats BOOL DEFAULT TRUE')
  await feed.row(6)
  assert.deepEqual(
    feed.rows.map(({ key, value }) => `${key}\t${value}`),
    [
      '[1]\t{"id": 1, "name": "Petee H"}',
      '[2]\t{"id": 2, "name": "Carl"}',
      '[3]\t{"id": 3, "name": "Ernie"}',
      '[1]\t{"id": 1, "likes_treats": true, "name": "Petee H"}',
      '[2]\t{"id": 2, "likes_treats": true, "name": "Carl"}',
      '[3]\t{"id": 3, "likes_treats": true, "name": "Ernie"}',
    ],
  )
})

test('the time before a schema change is resolved, then its rows come with one time, then nothing below it', async () => {
  await server.sql('CREATE TABLE times (a INT PRIMARY KEY)')
  await server.sql('INSERT INTO times SELECT generate_series(1, 5)')
  await using feed = await SinklessFeed.open(
    server,
    "CREATE CHANGEFEED FOR times WITH updated, mvcc_timestamp, resolved = '1h'",
  )
  await feed.row(5)
  await server.sql('INSERT INTO times VALUES (6)')
  await server.sql('ALTER TABLE times ADD COLUMN b INT DEFAULT 7')
  await server.sql('INSERT INTO times VALUES (7)')
  await feed.row(13)
  const backfill = feed.rows.slice(6, 12)
  const updated = backfill.map(({ value }) => hlcOf(value, 'updated'))
  const [at = assert.fail()] = updated
  for (const [i, { value }] of backfill.entries()) {
    assert.match(value, /"after": \{"a": \d, "b": 7\}/)
    assert.equal(compareHlc(updated[i] ?? assert.fail(), at), 0)
    const own = /"mvcc_timestamp": "([^"]+)"/.exec(value)?.[1] ?? ''
    assert.ok(compareHlc(parseHlc(own) ?? assert.fail(own), at) < 0)
  }
  // The first resolved message is the scan's, and the interval is an hour.
  assert.equal(feed.resolved.length, 2)
  assert.equal(compareHlc(nextHlc(feed.resolved[1] ?? assert.fail()), at), 0)
})

for (const policy of ['nobackfill', 'ignore']) {
  test(`with schema_change_policy = ${policy} only new rows have the new schema, and nothing is announced`, async () => {
    const t = `t_${policy}`
    await server.sql(`CREATE TABLE ${t} (a INT PRIMARY KEY)`)
    await server.sql(`INSERT INTO ${t} VALUES (1)`)
    const options = `schema_change_policy = ${policy}, resolved = '1h'`
    await using feed = await SinklessFeed.open(server, `CREATE CHANGEFEED FOR ${t} WITH ${options}`)
    await feed.row(1)
    await server.sql(`ALTER TABLE ${t} ADD COLUMN b INT NOT NULL DEFAULT 7`)
    await server.sql(`INSERT INTO ${t} VALUES (2)`)
    await feed.row(2)
    assert.deepEqual(feed.texts, [`${t}: [1]->{"after": {"a": 1}}`, `${t}: [2]->{"after": {"a": 2, "b": 7}}`])
    assert.equal(feed.resolved.length, 1)
  })
}
