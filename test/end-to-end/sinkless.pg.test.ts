// What only a changefeed without a sink has: a client that reads, stops reading, leaves, or is cancelled.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

let tables = 0
/** A table of its own for each test. */
async function table(columns: string, rows = ''): Promise<string> {
  const name = `t${++tables}`
  await server.sql(`CREATE TABLE ${name} (${columns})`)
  if (rows !== '') await server.sql(`INSERT INTO ${name} VALUES ${rows}`)
  return name
}

test('several tables, full names, binary columns, and a placeholder', async () => {
  const a = await table('a INT PRIMARY KEY', '(1)')
  const b = await table('b TEXT PRIMARY KEY', "('x')")
  await using feed = await SinklessFeed.open(
    server,
    `CREATE CHANGEFEED FOR TABLE ${a}, ${b} WITH full_table_name, topic_in_value, key_in_value, resolved = $1`,
    { values: ['1s'] },
  )
  await feed.row(2)
  assert.deepEqual([...feed.texts].sort(), [
    `defaultdb.public.${a}: [1]->{"after": {"a": 1}, "key": [1], "topic": "defaultdb.public.${a}"}`,
    `defaultdb.public.${b}: ["x"]->{"after": {"b": "x"}, "key": ["x"], "topic": "defaultdb.public.${b}"}`,
  ])
})

test('a client that leaves frees everything within a second; a query can be cancelled by its id', async () => {
  const t = await table('a INT PRIMARY KEY')
  const feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t}`)
  const running = async (): Promise<string | undefined> =>
    (await server.sql('SELECT query_id, query FROM [SHOW QUERIES]')).find(({ query }) =>
      String(query).endsWith(`FOR ${t}`),
    )?.['query_id'] as string | undefined
  await until('the feed shows', 5000, running)
  await feed[Symbol.asyncDispose]()
  await until('the feed is gone', 1000, async () => ((await running()) === undefined ? true : undefined))
  await using other = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t}`)
  const id = await until('the feed shows', 5000, running)
  await server.sql(`CANCEL QUERY '${id}'`)
  await other.ended
  assert.equal(other.error?.message, 'query execution canceled')
  assert.equal(other.error?.code, '57014')
})

test('CANCEL QUERY takes a select of one id; of several it says which statement takes them', async () => {
  const t = await table('a INT PRIMARY KEY')
  const query = `EXPERIMENTAL CHANGEFEED FOR ${t}`
  const select = `(SELECT query_id FROM [SHOW QUERIES] WHERE query LIKE '${query}%')`
  await using one = await SinklessFeed.open(server, query)
  await using other = await SinklessFeed.open(server, query)
  await until('both run', 5000, async () => ((await server.sql(select)).length === 2 ? true : undefined))
  await assert.rejects(server.sql(`CANCEL QUERY ${select}`), { code: '21000' })
  await server.sql(`CANCEL QUERY (SELECT min(query_id) FROM ${select} AS q)`)
  await Promise.race([one.ended, other.ended])
  await until('one runs on', 5000, async () => ((await server.sql(select)).length === 1 ? true : undefined))
  await server.sql(`CANCEL QUERIES ${select}`)
  await Promise.all([one.ended, other.ended])
  assert.equal(one.error?.message, 'query execution canceled')
  assert.equal(other.error?.message, 'query execution canceled')
  await server.sql("CANCEL QUERY IF EXISTS 'no such query'")
  await assert.rejects(server.sql("CANCEL QUERY 'no such query'"), { code: '42704' })
})

test('a reader who stops reading stops the feed, not the server', async () => {
  const t = await table('a INT PRIMARY KEY, filler TEXT')
  await server.sql(`INSERT INTO ${t} SELECT i, repeat('f', 1000) FROM generate_series(1, 60000) i`)
  const client = await server.connect()
  const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadableStream & { destroy(): void } } })
    .connection
  let rows = 0
  const query = new pg.Query(`EXPERIMENTAL CHANGEFEED FOR ${t}`)
  query.on('row', () => {
    if (++rows === 1) stream.pause()
  })
  query.on('error', () => undefined)
  client.query(query)
  await until('the first row', 10_000, () => (rows > 0 ? true : undefined))
  assert.equal((await server.sql('SELECT 1 AS one'))[0]?.['one'], 1)
  const paused = rows
  assert.ok(paused < 60_000)
  stream.resume()
  await until('all rows', 20_000, () => (rows === 60_000 ? true : undefined))
  stream.destroy()
})
