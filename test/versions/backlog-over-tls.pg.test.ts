// What was written while our server was down comes over TLS as fast as without: each record of TLS holds one message or few.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { startAttached } from '../server/attached.ts'

const rows = 20_000

test('a backlog in the slot comes over TLS within seconds', { timeout: 300_000 }, async () => {
  await using attached = await startAttached({ version: 18, tls: true, auth: 'scram-sha-256' })
  const { postgres, server } = attached
  await server.sql(`CREATE TABLE t (id int PRIMARY KEY, n int)`)
  let cursor = zeroHlc
  {
    await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR t WITH resolved = '100ms'`)
    cursor = await feed.resolvedPast(zeroHlc)
  }
  await server.kill()
  // More than what the stream is behind for it to read in another way, and less than what is worth a bulk pull.
  for (let i = 0; i < rows; i += 1000)
    await postgres.sql(`INSERT INTO t SELECT i, i FROM generate_series(${i}, ${i + 999}) i`, 'app')
  await postgres.sql(`SELECT pg_logical_emit_message(false, 'filler', repeat('x', 5000000))`, 'app')
  await server.restart()
  await using feed = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR t WITH cursor = '${formatHlc(cursor)}'`,
  )
  assert.equal((await feed.row(rows)).length, rows)
})
