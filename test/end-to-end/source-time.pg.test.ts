// Commit times from elsewhere: a replication origin may give any.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { hlcOf } from '../feed/test-feed.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

test('commit times ahead of the clock, of 2300 and of 1970 keep no feed from anything', async () => {
  await server.sql('CREATE TABLE o (id INT PRIMARY KEY)')
  await using feed = await SinklessFeed.open(
    server,
    "EXPERIMENTAL CHANGEFEED FOR o WITH updated, resolved = '100ms', initial_scan = 'no'",
  )
  await feed.resolvedPast({ wall: 0n, logical: 0 })
  await server.sql(`SELECT pg_replication_origin_create('elsewhere')`)
  const times = ["clock_timestamp() + interval '20 seconds'", "'2300-01-01'", "'1970-01-02'"]
  for (const [i, time] of times.entries()) {
    await server.sql(
      `SELECT pg_replication_origin_session_setup('elsewhere');
       BEGIN; SELECT pg_replication_origin_xact_setup('0/${i + 1}', ${time}); INSERT INTO o VALUES (${i}); COMMIT`,
    )
    await feed.row(i + 1)
  }
  await server.sql('INSERT INTO o VALUES (9)')
  const rows = await feed.row(4)
  const last = hlcOf(rows[3]?.value ?? '', 'updated')
  const [clock] = await server.sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS micros')
  assert.ok(last.wall <= BigInt(String(clock?.['micros'])) * 1000n, 'the log is not ahead of the clock')
  await feed.resolvedPast(last)

  const cursor = `${last.wall}.${String(last.logical).padStart(10, '0')}`
  await using again = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR o WITH updated, cursor = '${cursor}'`,
  )
  await using fresh = await SinklessFeed.open(
    server,
    "EXPERIMENTAL CHANGEFEED FOR o WITH updated, resolved = '100ms', initial_scan = 'no'",
  )
  await fresh.resolvedPast({ wall: 0n, logical: 0 })
  await server.sql('INSERT INTO o VALUES (10)')
  const expected = ['o: [10]']
  await again.row(1)
  await fresh.row(1)
  for (const { texts } of [again, fresh])
    assert.deepEqual(
      texts.map((text) => text.slice(0, expected[0]?.length)),
      expected,
    )
  await using ending = await SinklessFeed.open(
    server,
    "EXPERIMENTAL CHANGEFEED FOR o WITH updated, end_time = '+500ms', initial_scan = 'no'",
  )
  await ending.ended
  assert.deepEqual([ending.error, ending.texts], [undefined, []])
})
