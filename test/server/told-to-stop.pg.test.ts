// PostgreSQL is told to stop by somebody else: it lets nobody in and waits for connections that never end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from './test-server.ts'
import { until } from '../support/until.ts'

test('a PostgreSQL that somebody told to stop when its last connection ends is started again, and /health says so meanwhile', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)')
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t')
  const before = server.postgresPid
  process.kill(before, 'SIGTERM')
  const answers: number[] = []
  await until('PostgreSQL is another one', 30_000, async () => {
    const { status } = await fetch(`http://127.0.0.1:${server.httpPort}/health?ready=1`)
    if (answers.at(-1) !== status) answers.push(status)
    return (status === 200 && answers.includes(503)) || undefined
  })
  assert.notEqual(server.postgresPid, before)
  assert.deepEqual(answers.slice(-2), [503, 200])
  await server.sql('INSERT INTO t VALUES (1)')
  assert.match(String(feed.error ?? 'it goes on'), /terminating|shutting down|it goes on/)
})
