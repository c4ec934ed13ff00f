// Ingest in trouble is never silent: who follows a database is told at once, what is wrong and when it is over.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

async function get(path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${server.httpPort}${path}`)).text()
}

async function job(description: string): Promise<Record<string, unknown>> {
  const [row] = await server.sql(
    `SELECT status, running_status, error FROM [SHOW JOBS] WHERE description LIKE '%${description}%'`,
  )
  return row ?? {}
}

test('a database that lets nobody in is named to feeds and jobs, in /health and in a metric, until it does', async () => {
  await server.sql('CREATE DATABASE shut')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)', 'shut')
  await server.sql(
    `CREATE CHANGEFEED FOR t INTO 'null://' WITH resolved = '500ms', min_checkpoint_frequency = '500ms'`,
    'shut',
  )
  await using feed = await SinklessFeed.open(server, "EXPERIMENTAL CHANGEFEED FOR t WITH resolved = '500ms'", {
    database: 'shut',
  })
  await feed.resolvedPast({ wall: 0n, logical: 0 })
  await server.sql('ALTER DATABASE shut ALLOW_CONNECTIONS false')
  await server.sql(
    `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = 'shut' AND active`,
    'system',
  )
  const cannot = /changes of database "shut" cannot be read now: .*not currently accepting connections/
  await until('the notice', 3000, () => feed.notices.some((notice) => cannot.test(notice)) || undefined)
  await until(
    'the running_status',
    5000,
    async () => cannot.test(String((await job('FOR TABLE t')).running_status)) || undefined,
  )
  assert.match(await get('/health'), /"problems":\[\{"database":"shut","error":".*not currently accepting connections/)
  const metrics = await get('/_status/vars')
  assert.match(metrics, /changefeed_ingest_failing\{database="shut",code="\w+",sqlstate="\w+"\} 1/)
  assert.match(metrics, /changefeed_ingest_errors\{database="shut"\} [1-9]/)
  assert.match(metrics, /changefeed_ingest_running\{database="shut"\} 0/)

  await server.sql('ALTER DATABASE shut ALLOW_CONNECTIONS true')
  await until(
    'the notice that it is over',
    15_000,
    () => feed.notices.some((n) => /are read again/.test(n)) || undefined,
  )
  await server.sql('INSERT INTO t VALUES (1)', 'shut')
  await feed.row(1)
  await until(
    'the running_status of before',
    15_000,
    async () => String((await job('FOR TABLE t')).running_status).startsWith('running: resolved=') || undefined,
  )
  assert.equal(await get('/health'), '{}\n')
  assert.ok(feed.notices.filter((notice) => cannot.test(notice)).length === 1, 'a reason is said once')
})

test('a change that can never be read ends the feed and the job of its table by name, and no others', async () => {
  await server.sql(`CREATE TYPE e AS ENUM ('good', 'bad'); CREATE TABLE kept (v e); INSERT INTO kept VALUES ('bad');
    CREATE TABLE broken (id INT PRIMARY KEY, v e); CREATE TABLE fine (id INT PRIMARY KEY)`)
  await server.sql(`CREATE CHANGEFEED FOR broken INTO 'null://'`)
  await server.sql(`CREATE CHANGEFEED FOR fine INTO 'null://'`)
  await using broken = await SinklessFeed.open(server, "EXPERIMENTAL CHANGEFEED FOR broken WITH resolved = '100ms'")
  await using fine = await SinklessFeed.open(server, "EXPERIMENTAL CHANGEFEED FOR fine WITH resolved = '100ms'")
  await broken.resolvedPast({ wall: 0n, logical: 0 })
  await fine.resolvedPast({ wall: 0n, logical: 0 })
  await server.sql(`DELETE FROM pg_enum WHERE enumlabel = 'bad'`)
  await server.sql('INSERT INTO broken SELECT 1, v FROM kept')
  await broken.ended
  assert.match(
    broken.error?.message ?? '',
    /cannot decode a transaction that changes public\.broken .*invalid internal value/,
  )
  await server.sql('INSERT INTO fine VALUES (2)')
  await fine.row(1)
  await until('the job to fail', 10_000, async () => (await job('TABLE broken')).status === 'failed' || undefined)
  assert.match(String((await job('TABLE broken')).error), /cannot decode a transaction that changes public\.broken/)
  assert.equal((await job('TABLE fine')).status, 'running')
})

test('a database whose event trigger refuses DDL says so to who starts a changefeed, and is not tried for ever', async () => {
  await server.sql('CREATE DATABASE frozen')
  await server.sql(
    `CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE u (id INT PRIMARY KEY, s TEXT);
     CREATE FUNCTION no_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'DDL is frozen' USING ERRCODE = '0A000'; END $$;
     CREATE EVENT TRIGGER freezer ON ddl_command_start EXECUTE FUNCTION no_ddl()`,
    'frozen',
  )
  await assert.rejects(server.sql('EXPERIMENTAL CHANGEFEED FOR t', 'frozen'), {
    message: /what changefeeds need in this database cannot be installed: DDL is frozen/,
    hint: /function (public\.)?no_ddl\(\).*ALTER EVENT TRIGGER/,
  })
  await until('nothing tries any more', 10_000, async () => !(await get('/health')).includes('frozen') || undefined)
  await assert.rejects(server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`, 'frozen'), {
    message: /cannot be installed/,
  })
  await until('nothing tries any more', 10_000, async () => !(await get('/health')).includes('frozen') || undefined)
  await server.sql('UNWATCH DATABASE', 'frozen')
  await server.sql('ALTER EVENT TRIGGER freezer DISABLE', 'frozen')
  await server.sql(`EXPERIMENTAL CHANGEFEED FOR t WITH initial_scan = 'only'`, 'frozen')
  await server.sql('ALTER EVENT TRIGGER freezer ENABLE', 'frozen')
  await assert.rejects(server.sql('EXPERIMENTAL CHANGEFEED FOR u', 'frozen'), {
    message: /cannot be taken under watch: DDL is frozen/,
    hint: /no_ddl\(\)/,
  })
})
