// What PostgreSQL has done and did not get to tell.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start({ hasGate: true })
})
after(() => server[Symbol.asyncDispose]())

const look = /SELECT datname FROM pg_database WHERE oid/

test('what is given back is taken away, also when that failed at first: no slot is left that nobody reads', async () => {
  const slots = (): Promise<unknown[]> => server.sql(`SELECT FROM pg_replication_slots WHERE database = 'given'`)
  await server.sql('CREATE DATABASE given')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)', 'given')
  {
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t', { database: 'given' })
    await feed.row(1)
  }
  const before = server.gate.lost
  server.gate.loseAnswers(look, 1)
  await until('the table is given back', 30_000, () =>
    server.sql('UNWATCH TABLE t', 'given').then(
      () => true,
      () => undefined,
    ),
  )
  assert.equal(server.gate.lost, before + 1)
  assert.equal((await slots()).length, 1)
  await until('the slot is gone', 30_000, async () => ((await slots()).length === 0 ? true : undefined))
})

test('a database that was renamed is followed again, also when the first look for it was lost', async () => {
  await server.sql('CREATE DATABASE before')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)', 'before')
  {
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t', { database: 'before' })
    await feed.row(1)
  }
  const lost = server.gate.lost
  server.gate.loseAnswers(look, 1)
  await server.sql('ALTER DATABASE before RENAME TO renamed')
  await until('the look was lost', 30_000, () => (server.gate.lost === lost + 1 ? true : undefined))
  await until('the slot is read again', 30_000, async () => {
    const [slot] = await server.sql(`SELECT active FROM pg_replication_slots WHERE database = 'renamed'`)
    assert.ok(slot !== undefined, 'the slot is gone')
    return slot['active'] === true ? true : undefined
  })
})
