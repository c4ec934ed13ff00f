import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { compareHlc, formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { hlcOf } from '../feed/test-feed.ts'
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

const withoutTime = (value: string): string => value.replace(/, "updated": "[^"]*"/, '')

test('rows that exist come first, then each change, in order', async () => {
  const t = await table('a INT PRIMARY KEY, b STRING', "(1, 'one')")
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t}`)
  await feed.row(1)
  await server.sql(`INSERT INTO ${t} VALUES (2, 'two')`)
  await server.sql(`UPDATE ${t} SET b = 'zwei' WHERE a = 2`)
  await server.sql(`DELETE FROM ${t} WHERE a = 1`)
  await feed.row(4)
  assert.deepEqual(feed.texts, [
    `${t}: [1]->{"after": {"a": 1, "b": "one"}}`,
    `${t}: [2]->{"after": {"a": 2, "b": "two"}}`,
    `${t}: [2]->{"after": {"a": 2, "b": "zwei"}}`,
    `${t}: [1]->{"after": null}`,
  ])
})

test('a transaction gives one message per row, with what it was before the transaction', async () => {
  const t = await table('a INT PRIMARY KEY, b INT', '(1, 0), (2, 0)')
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH diff, updated`)
  await feed.row(2)
  await server.sql(
    `BEGIN; UPDATE ${t} SET b = 1 WHERE a = 1; UPDATE ${t} SET b = 2 WHERE a = 1; INSERT INTO ${t} VALUES (3, 3); DELETE FROM ${t} WHERE a = 3; UPDATE ${t} SET a = 20 WHERE a = 2; COMMIT`,
  )
  await server.sql(`INSERT INTO ${t} VALUES (9, 9)`)
  await feed.row(6)
  assert.deepEqual(feed.texts.slice(2).map(withoutTime), [
    `${t}: [1]->{"after": {"a": 1, "b": 2}, "before": {"a": 1, "b": 0}}`,
    `${t}: [2]->{"after": null, "before": {"a": 2, "b": 0}}`,
    `${t}: [20]->{"after": {"a": 20, "b": 0}, "before": null}`,
    `${t}: [9]->{"after": {"a": 9, "b": 9}, "before": null}`,
  ])
  assert.equal(new Set(feed.rows.slice(2, 5).map(({ value }) => formatHlc(hlcOf(value, 'updated')))).size, 1)
})

test('out-of-line values that an update leaves alone are complete', async () => {
  const t = await table('a INT PRIMARY KEY, big STRING, n INT')
  await server.sql(
    `ALTER TABLE ${t} ALTER big SET STORAGE EXTERNAL; INSERT INTO ${t} VALUES (1, repeat('x', 100000), 0)`,
  )
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t}`)
  await feed.row(1)
  await server.sql(`UPDATE ${t} SET n = 1`)
  const [, updated] = await feed.row(2)
  assert.equal(updated?.value, `{"after": {"a": 1, "big": "${'x'.repeat(100_000)}", "n": 1}}`)
})

test('a key that is stored out of line is complete, whatever an update leaves alone', async () => {
  const t = await table('k STRING, other STRING, n INT, PRIMARY KEY (k)')
  await server.sql(
    `ALTER TABLE ${t} ALTER k SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL;
     INSERT INTO ${t} VALUES (repeat('k', 2500), repeat('o', 2500), 0)`,
  )
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH diff`)
  await feed.row(1)
  await server.sql(`UPDATE ${t} SET n = 1`)
  await server.sql(`BEGIN; UPDATE ${t} SET n = 2; UPDATE ${t} SET k = 'short'; UPDATE ${t} SET n = 3; COMMIT`)
  await server.sql(`DELETE FROM ${t}`)
  await feed.row(5)
  const key = 'k'.repeat(2500)
  const row = (k: string, n: number): string => `{"k": "${k}", "n": ${n}, "other": "${'o'.repeat(2500)}"}`
  assert.deepEqual(feed.texts, [
    `${t}: ["${key}"]->{"after": ${row(key, 0)}, "before": null}`,
    `${t}: ["${key}"]->{"after": ${row(key, 1)}, "before": ${row(key, 0)}}`,
    `${t}: ["${key}"]->{"after": null, "before": ${row(key, 1)}}`,
    `${t}: ["short"]->{"after": ${row('short', 3)}, "before": null}`,
    `${t}: ["short"]->{"after": null, "before": ${row('short', 3)}}`,
  ])
})

test('another replica identity under a running feed is refused; behind the back of event triggers it ends the feed rather than losing what it does not log', async () => {
  const t = await table('a INT PRIMARY KEY, u INT NOT NULL UNIQUE', '(1, 10), (2, 20)')
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t}`)
  await feed.row(2)
  const other = (index: string): string => `ALTER TABLE ${t} REPLICA IDENTITY USING INDEX ${index}`
  await assert.rejects(server.sql(other(`${t}_u_key`)), { code: '55006', message: /cannot be lessened/ })
  await server.sql(`SET event_triggers = off; ${other(`${t}_pkey`)}`)
  await server.sql(`UPDATE ${t} SET a = 3 WHERE a = 2`)
  await feed.row(4)
  await server.sql(`SET event_triggers = off; ${other(`${t}_u_key`)}`)
  await server.sql(`INSERT INTO ${t} VALUES (4, 40)`)
  await server.sql(`UPDATE ${t} SET a = 5 WHERE a = 1`)
  await feed.ended
  assert.match(feed.error?.message ?? '', /its primary key was not logged/)
  assert.match(feed.error?.hint ?? '', /REPLICA IDENTITY FULL/)
  assert.deepEqual(feed.texts.slice(2), [
    `${t}: [2]->{"after": null}`,
    `${t}: [3]->{"after": {"a": 3, "u": 20}}`,
    `${t}: [4]->{"after": {"a": 4, "u": 40}}`,
  ])
})

test('a cursor gives exactly what came after it, under the same timestamps', async () => {
  const t = await table('a INT PRIMARY KEY')
  const all: string[] = []
  let cursor = zeroHlc
  {
    await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH updated, resolved`)
    await feed.resolvedPast(zeroHlc)
    for (let i = 1; i <= 5; i++) await server.sql(`INSERT INTO ${t} VALUES (${i})`)
    await feed.row(5)
    cursor = hlcOf(feed.rows[1]?.value ?? '', 'updated')
    all.push(...feed.texts)
    await feed.resolvedPast(hlcOf(feed.rows[4]?.value ?? '', 'updated'))
    assert.deepEqual(feed.failures, [])
  }
  await using again = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR ${t} WITH updated, resolved, cursor = $1`,
    { values: [formatHlc(cursor)] },
  )
  await again.row(3)
  assert.deepEqual(again.texts, all.slice(2))
})

test('an initial scan as of a cursor takes back what changed since', async () => {
  const t = await table('a INT PRIMARY KEY, b STRING', "(1, 'a'), (2, 'b'), (3, 'c')")
  let cursor = zeroHlc
  {
    await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH resolved`)
    await feed.row(3)
    cursor = await feed.resolvedPast(zeroHlc)
  }
  await server.sql(
    `UPDATE ${t} SET b = 'B' WHERE a = 2; DELETE FROM ${t} WHERE a = 3; INSERT INTO ${t} VALUES (4, 'd')`,
  )
  await using feed = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR ${t} WITH initial_scan = 'yes', cursor = '${formatHlc(cursor)}'`,
  )
  await feed.row(6)
  const texts = feed.texts.map((text) => text.slice(t.length + 2))
  assert.deepEqual(texts.slice(0, 3).sort(), [
    '[1]->{"after": {"a": 1, "b": "a"}}',
    '[2]->{"after": {"a": 2, "b": "b"}}',
    '[3]->{"after": {"a": 3, "b": "c"}}',
  ])
  assert.deepEqual(texts.slice(3).sort(), [
    '[2]->{"after": {"a": 2, "b": "B"}}',
    '[3]->{"after": null}',
    '[4]->{"after": {"a": 4, "b": "d"}}',
  ])
})

test('an initial scan as of a cursor does not leave out what a TRUNCATE took', async () => {
  const t = await table('a INT PRIMARY KEY', '(1), (2)')
  let cursor = zeroHlc
  {
    await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH resolved`)
    await feed.row(2)
    cursor = await feed.resolvedPast(zeroHlc)
  }
  await server.sql(`TRUNCATE ${t}; INSERT INTO ${t} VALUES (3)`)
  for (const scan of ['yes', 'only']) {
    await using feed = await SinklessFeed.open(
      server,
      `EXPERIMENTAL CHANGEFEED FOR ${t} WITH initial_scan = '${scan}', cursor = '${formatHlc(cursor)}'`,
    )
    await feed.ended
    assert.equal(feed.error?.message, `"${t}" was truncated`)
    assert.deepEqual(feed.messages, [])
  }
})

test('diff shows a row with the columns it had, also before an ALTER TABLE of the same transaction', async () => {
  const t = await table('a INT PRIMARY KEY, b INT, c STRING', "(1, 1, 'x'), (2, 2, 'y')")
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH diff`)
  await feed.row(2)
  await server.sql(
    `BEGIN; UPDATE ${t} SET b = 10 WHERE a = 1; ALTER TABLE ${t} RENAME b TO bee; ALTER TABLE ${t} ADD COLUMN d INT;
     ALTER TABLE ${t} DROP COLUMN c; UPDATE ${t} SET bee = 11, d = 5 WHERE a = 1; DELETE FROM ${t} WHERE a = 2; COMMIT`,
  )
  await feed.row(4)
  assert.deepEqual(feed.texts.slice(2), [
    `${t}: [1]->{"after": {"a": 1, "bee": 11, "d": 5}, "before": {"a": 1, "b": 1, "c": "x"}}`,
    `${t}: [2]->{"after": null, "before": {"a": 2, "bee": 2, "d": null}}`,
  ])
})

test('columns added, dropped, renamed and retyped in the middle never stop a feed', async () => {
  const t = await table('a INT PRIMARY KEY, b INT', '(1, 1)')
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH diff`)
  await feed.row(1)
  await server.sql(`ALTER TABLE ${t} ADD COLUMN c STRING`)
  await server.sql(`INSERT INTO ${t} VALUES (2, 2, 'x')`)
  await server.sql(
    `BEGIN; UPDATE ${t} SET b = 20 WHERE a = 2; ALTER TABLE ${t} RENAME COLUMN b TO bee; INSERT INTO ${t} VALUES (3, 3, 'y'); COMMIT`,
  )
  await server.sql(`ALTER TABLE ${t} ALTER bee TYPE STRING USING bee::STRING`)
  await server.sql(`INSERT INTO ${t} VALUES (4, 'four', 'z')`)
  await server.sql(`ALTER TABLE ${t} DROP COLUMN c`)
  await server.sql(`INSERT INTO ${t} VALUES (5, 'five')`)
  await until('the last row', 10_000, () => feed.texts.find((text) => text.startsWith(`${t}: [5]`)))
  const last = new Map(feed.rows.map(({ key, value }) => [key, value]))
  assert.equal(last.get('[2]'), '{"after": {"a": 2, "b": 20, "c": "x"}, "before": {"a": 2, "b": 2, "c": "x"}}')
  assert.equal(last.get('[3]'), '{"after": {"a": 3, "bee": 3, "c": "y"}, "before": null}')
  assert.equal(last.get('[4]'), '{"after": {"a": 4, "bee": "four", "c": "z"}, "before": null}')
  assert.equal(last.get('[5]'), '{"after": {"a": 5, "bee": "five"}, "before": null}')
})

test('TRUNCATE and DROP end a feed and say so', async () => {
  const truncated = await table('a INT PRIMARY KEY', '(1)')
  await using first = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${truncated}`)
  await first.row(1)
  await server.sql(`INSERT INTO ${truncated} VALUES (2); TRUNCATE ${truncated}`)
  await first.ended
  assert.equal(first.error?.message, `"${truncated}" was truncated`)
  const dropped = await table('a INT PRIMARY KEY', '(1)')
  await using second = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${dropped}`)
  await second.row(1)
  await server.sql(`DROP TABLE ${dropped}`)
  await second.ended
  assert.equal(second.error?.message, `"${dropped}" was dropped`)
})

test('initial_scan only and end_time end a feed with success', async () => {
  const t = await table('a INT PRIMARY KEY', '(1), (2)')
  await using only = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH initial_scan_only`)
  await only.ended
  assert.equal(only.error, undefined)
  assert.equal(only.rows.length, 2)
  await using timed = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR ${t} WITH end_time = '+1s', resolved`,
  )
  await timed.ended
  assert.equal(timed.error, undefined)
  assert.equal(timed.rows.length, 2)
  assert.ok(timed.resolved.length > 0)
})

test('resolved timestamps rise, and cover what came', async () => {
  const t = await table('a INT PRIMARY KEY')
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH updated, resolved`)
  await server.sql(`INSERT INTO ${t} SELECT generate_series(1, 1000)`)
  await feed.row(1000)
  await feed.resolvedPast(hlcOf(feed.rows.at(-1)?.value ?? '', 'updated'))
  assert.deepEqual(feed.failures, [])
  for (const [i, ts] of feed.resolved.entries()) {
    const earlier = feed.resolved[i - 1]
    if (earlier !== undefined) assert.ok(compareHlc(earlier, ts) < 0)
  }
})

test('mvcc_timestamp is the commit of the version, updated the scan or the same', async () => {
  const t = await table('a INT PRIMARY KEY, b INT')
  for (let i = 1; i <= 3; i++) await server.sql(`INSERT INTO ${t} VALUES (${i}, 0)`)
  const times = await server.sql(
    `SELECT a, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint || '000.0000000000' AS at FROM ${t}`,
  )
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${t} WITH mvcc_timestamp, updated`)
  await feed.row(3)
  const mvccOf = (value: string): string => (JSON.parse(value) as { mvcc_timestamp: string }).mvcc_timestamp
  assert.deepEqual(
    feed.rows.map(({ key, value }) => [key, mvccOf(value)]).sort(),
    times.map(({ a, at }) => [`[${String(a)}]`, at]).sort(),
  )
  const updated = new Set(feed.rows.map(({ value }) => formatHlc(hlcOf(value, 'updated'))))
  assert.equal(updated.size, 1)
  assert.ok(times.every(({ at }) => String(at) < String([...updated][0])))
  await server.sql(`UPDATE ${t} SET b = 1; DELETE FROM ${t} WHERE a = 2`)
  const changes = (await feed.row(6)).slice(3)
  for (const { value } of changes) assert.equal(mvccOf(value), formatHlc(hlcOf(value, 'updated')))
})

test('a transaction of many blocks gives the last change of each row', async () => {
  const t = await table('a INT PRIMARY KEY, b INT, filler STRING')
  await server.sql(`INSERT INTO ${t} SELECT i, 0, repeat('f', 100) FROM generate_series(1, 20000) i`)
  await using feed = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR ${t} WITH diff, no_initial_scan, resolved`,
  )
  await feed.resolvedPast(zeroHlc)
  await server.sql(`INSERT INTO ${t} VALUES (0, 0, '')`)
  await feed.row(1)
  await server.sql(
    `BEGIN; UPDATE ${t} SET b = 1 WHERE a > 0; UPDATE ${t} SET b = 2 WHERE a > 0; DELETE FROM ${t} WHERE a > 19990; COMMIT`,
  )
  const rows = (await feed.row(20_001)).slice(1)
  assert.equal(new Set(rows.map(({ key }) => key)).size, 20_000)
  assert.equal(rows.filter(({ value }) => value.startsWith('{"after": null')).length, 10)
  assert.ok(rows.every(({ value }) => value.includes('"before": {"a": ') && value.includes('"b": 0')))
})

test('several tables, full names, binary columns, and a placeholder', async () => {
  const a = await table('a INT PRIMARY KEY', '(1)')
  const b = await table('b STRING PRIMARY KEY', "('x')")
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

test('metrics count the changefeeds of a metrics_label under their scope, also when they are over', async () => {
  await server.sql('SET CLUSTER SETTING server.child_metrics.enabled = true')
  const t = await table('a INT PRIMARY KEY')
  await server.sql(`INSERT INTO ${t} VALUES (1), (2)`)
  const counted = (): Promise<true> =>
    until('the two rows are counted', 5000, async () => {
      const text = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
      return /^changefeed_emitted_messages\{(?=.*scope="scope_b")(?=.*message_type="row").*\} 2$/m.test(text)
        ? true
        : undefined
    })
  {
    await using feed = await SinklessFeed.open(
      server,
      `EXPERIMENTAL CHANGEFEED FOR ${t} WITH metrics_label = ' Scope_B '`,
    )
    await feed.row(2)
    await counted()
  }
  await counted()
  await server.sql('RESET CLUSTER SETTING server.child_metrics.enabled')
})

test('a reader who stops reading stops the feed, not the server', async () => {
  const t = await table('a INT PRIMARY KEY, filler STRING')
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

test('settings are stored, shown, checked', async () => {
  await server.sql("SET CLUSTER SETTING kv.closed_timestamp.target_duration = '200ms'")
  assert.deepEqual(await server.sql('SHOW CLUSTER SETTING kv.closed_timestamp.target_duration'), [
    { 'kv.closed_timestamp.target_duration': '200ms' },
  ])
  await server.sql('RESET CLUSTER SETTING kv.closed_timestamp.target_duration')
  await assert.rejects(server.sql("SET CLUSTER SETTING kv.rangefeed.enabled = 'perhaps'"), /kv\.rangefeed\.enabled/)
  await assert.rejects(server.sql('SET CLUSTER SETTING kv.rangefed.enabled = true'), /unknown cluster setting/)
  await server.sql('SET CLUSTER SETTING kv.rangefeed.enabled = false')
  try {
    await assert.rejects(
      server.sql('EXPERIMENTAL CHANGEFEED FOR t1'),
      /rangefeeds require the kv\.rangefeed\.enabled setting/,
    )
  } finally {
    await server.sql('SET CLUSTER SETTING kv.rangefeed.enabled = true')
  }
})

test("CockroachDB's words work: STRING, BYTES, a rowid key, UPSERT, SET DATABASE", async () => {
  await server.sql('CREATE DATABASE cdc_demo')
  const client = await server.connect()
  try {
    await client.query('SET DATABASE = cdc_demo')
    assert.equal((await client.query('SELECT current_database() AS d')).rows[0].d, 'cdc_demo')
    await client.query('CREATE TABLE employees (dog_id INT, employee_name STRING, photo BYTES)')
    await client.query("INSERT INTO employees VALUES (1, 'Lauren', '\\x00ff')")
    await client.query('CREATE TABLE foo (a INT PRIMARY KEY, b STRING)')
    await client.query("UPSERT INTO foo VALUES (1, 'x'), (2, 'y')")
    await client.query('UPSERT INTO foo (a, b) VALUES ($1, $2)', [1, 'z'])
    assert.deepEqual((await client.query('SELECT a, b FROM foo ORDER BY a')).rows, [
      { a: '1', b: 'z' },
      { a: '2', b: 'y' },
    ])
  } finally {
    await client.end()
  }
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR employees', { database: 'cdc_demo' })
  await feed.row(1)
  assert.match(
    feed.texts[0] ?? '',
    /^employees: \[\d{15,}\]->\{"after": \{"dog_id": 1, "employee_name": "Lauren", "photo": "\\\\x00ff", "rowid": \d{15,}\}\}$/,
  )
})

test('health and metrics answer over HTTP', async () => {
  const base = `http://127.0.0.1:${server.httpPort}`
  assert.equal((await fetch(`${base}/health?ready=1`)).status, 200)
  const text = await (await fetch(`${base}/_status/vars`)).text()
  for (const name of ['changefeed_running', 'changefeed_changelog_bytes', 'changefeed_slot_lag_bytes'])
    assert.ok(text.includes(name))
  assert.equal((await fetch(`${base}/nothing`)).status, 404)
})
