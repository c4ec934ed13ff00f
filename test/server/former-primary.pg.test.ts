// A standby was promoted, and the former primary comes back as it was: both can be written to, and the connection string
// names the former one first. Nothing is read from it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until, within } from '../support/until.ts'
import { TestServer } from './test-server.ts'

const withinMs = 60_000

interface Pair extends AsyncDisposable {
  readonly primary: PostgresServerUnderTest
  readonly standby: PostgresServerUnderTest
  readonly server: TestServer
}

/** A table t with the row 0, and a server that knows both. */
async function start(): Promise<Pair> {
  const stack = new AsyncDisposableStack()
  const primary = stack.use(await PostgresServerUnderTest.start({ version: 18 }))
  const standby = stack.use(await primary.standby('standby', { sync_replication_slots: 'on' }))
  await primary.sql('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (0)')
  const hosts = [primary, standby].map(({ port }) => `127.0.0.1:${port}`)
  const url = `${primary.url().replace(hosts[0] ?? '', hosts.join(','))}&target_session_attrs=primary`
  const server = stack.use(await TestServer.start({ attached: { url, user: 'postgres', database: 'postgres' } }))
  return { primary, standby, server, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

function open(server: TestServer): Promise<SinklessFeed> {
  return SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t WITH resolved')
}

async function comes(feed: SinklessFeed, key: string): Promise<void> {
  await until(`${key} comes`, withinMs, () => {
    if (feed.isOver) throw feed.error ?? new Error('the feed has ended')
    return feed.messages.some((message) => message.key === key) || undefined
  })
}

/** Every key that came until a resolved timestamp did. */
async function keys(feed: SinklessFeed): Promise<readonly string[]> {
  await within(withinMs, 'a resolved timestamp comes', () => {
    if (feed.isOver) throw feed.error ?? new Error('the feed has ended')
    return feed.messages.some(({ topic }) => topic === undefined)
  })
  return feed.messages.flatMap(({ topic, key }) => (topic === undefined ? [] : [key])).sort()
}

async function fails(server: TestServer, sql: string): Promise<boolean> {
  return server.sql(sql).then(
    () => false,
    () => true,
  )
}

test('a former primary that comes back is read by no scan, no feed, and no server of ours that starts anew', async () => {
  await using pair = await start()
  const { primary, standby, server } = pair
  await using feed = await open(server)
  await comes(feed, '[0]')
  await primary.reached(standby)
  await primary.stop('immediate')
  await standby.promote()
  await standby.sql('INSERT INTO t VALUES (1)')
  await within(withinMs, 'the server has the new primary', async () => !(await fails(server, 'SELECT 1')))
  // The feed of before may have ended with a gap, because the slot may not have been on the standby.
  await using second = await open(server)
  assert.deepEqual(await keys(second), ['[0]', '[1]'])
  await primary.startAfterKill()
  await primary.sql('INSERT INTO t VALUES (2)')
  await using third = await open(server)
  assert.deepEqual(await keys(third), ['[0]', '[1]'])
  await standby.sql('INSERT INTO t VALUES (3)')
  await comes(third, '[3]')
  await server.kill()
  await server.restart()
  await using fourth = await open(server)
  assert.deepEqual(await keys(fourth), ['[0]', '[1]', '[3]'])
  assert.deepEqual(await server.sql('SELECT inet_server_port() AS port'), [{ port: standby.port }])
  await standby.restart()
  await standby.sql('INSERT INTO t VALUES (4)')
  await within(withinMs, 'the server has the new primary', async () => !(await fails(server, 'SELECT 1')))
  await using fifth = await open(server)
  assert.deepEqual(await keys(fifth), ['[0]', '[1]', '[3]', '[4]'])
})

test('a primary that goes on beside a promoted standby is left when that is seen', async () => {
  await using pair = await start()
  const { primary, standby, server } = pair
  await using feed = await open(server)
  await comes(feed, '[0]')
  await primary.reached(standby)
  await standby.promote()
  await standby.sql('INSERT INTO t VALUES (1)')
  const moved = until('a feed shows what the new primary has', withinMs, async () => {
    try {
      await using next = await open(server)
      return (await keys(next)).includes('[1]') || undefined
    } catch {
      // The feed has ended when the server left the former primary.
      return undefined
    }
  })
  assert.equal(await moved, true)
})
