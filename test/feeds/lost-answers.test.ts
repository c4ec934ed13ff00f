// What PostgreSQL has done and did not get to tell.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/test-feed.ts'
import { TestServer, until } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start({ hasGate: true })
})
after(() => server[Symbol.asyncDispose]())

test('a database that was renamed is followed again, also when the first look for it was lost', async () => {
  await server.sql('CREATE DATABASE before')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)', 'before')
  {
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t', { database: 'before' })
    await feed.row(1)
  }
  server.gate.loseAnswers(/SELECT datname FROM pg_database WHERE oid/, 1)
  await server.sql('ALTER DATABASE before RENAME TO renamed')
  await until('the look was lost', 30_000, () => (server.gate.lost === 1 ? true : undefined))
  await until('the slot is read again', 30_000, async () => {
    const [slot] = await server.sql(`SELECT active FROM pg_replication_slots WHERE database = 'renamed'`)
    assert.ok(slot !== undefined, 'the slot is gone')
    return slot['active'] === true ? true : undefined
  })
})
