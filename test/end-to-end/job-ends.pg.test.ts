// How jobs end: of themselves, by an error, by a table that is dropped; and what brings them back.

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { parseHlc } from '../support/parse-hlc.ts'
import { nullJobs } from '../feed/null-jobs.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const withinMs = 20_000

let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY, v TEXT)')
  await server.sql("INSERT INTO t SELECT i, 'value' FROM generate_series(1, 1000) i")
})
after(() => server[Symbol.asyncDispose]())

const { job, create, reaches } = nullJobs(() => server)

const often = "WITH min_checkpoint_frequency = '0s'"

test('a scan that ends the feed is a job that succeeds; WHEN COMPLETE waits for it', async () => {
  const id = await create("WITH initial_scan = 'only'")
  const [row] = await server.sql(`SHOW JOB WHEN COMPLETE ${id}`)
  assert.equal(row?.['status'], 'succeeded')
  assert.notEqual(row?.['finished'], null)
})

test('WHEN COMPLETE waits no longer than its client', async () => {
  const id = await create()
  const client = await server.connect()
  const waiting = client.query('SHOW JOBS WHEN COMPLETE (SELECT $1::int8)', [id]).catch(() => undefined)
  const count = async (): Promise<unknown> =>
    (
      await server.sql(
        `SELECT count(*) AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%jobs_when_complete(%' AND pid <> pg_backend_pid()`,
      )
    )[0]?.['n']
  await until('it waits', withinMs, async () => ((await count()) === '1' ? true : undefined))
  ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  await waiting
  await until('it has ended', withinMs, async () => ((await count()) === '0' ? true : undefined))
  await server.sql(`CANCEL JOB ${id}`)
})

test('the end time ends the job, and is its high-water mark', async () => {
  const [now] = await server.sql('SELECT (cluster_logical_timestamp() + 300000000)::text AS later')
  const endTime = parseHlc(String(now?.['later']))
  assert.ok(endTime)
  const id = await create(`WITH end_time = '${String(now?.['later'])}', no_initial_scan`)
  const row = await reaches(id, 'succeeded')
  assert.equal(row.high_water_timestamp, String(now?.['later']))
})

test('a terminal error fails the job, or pauses it when on_error says so', async () => {
  await server.sql('CREATE TABLE gone (id INT PRIMARY KEY)')
  const failing = await create('', 'gone')
  const pausing = await create("WITH on_error = 'pause'", 'gone')
  await until('both run', withinMs, async () =>
    (await job(failing)).high_water_timestamp !== null && (await job(pausing)).high_water_timestamp !== null
      ? true
      : undefined,
  )
  await server.sql('TRUNCATE TABLE gone')
  assert.equal((await reaches(failing, 'failed')).error, '"gone" was truncated')
  const paused = await reaches(pausing, 'paused')
  assert.equal(
    paused.running_status,
    `job failed ("gone" was truncated) but is being paused because of on_error=pause; RESUME JOB would stop here again: CANCEL JOB ${pausing}, then CREATE CHANGEFEED anew, without cursor`,
  )
  const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
  assert.match(metrics, /^changefeed_failures 1$/m)
  await server.sql(`CANCEL JOB ${pausing}`)
})

test('a table that is dropped ends its jobs, also before the scan; a database with jobs is not dropped', async () => {
  await server.sql('CREATE TABLE left_behind (id INT PRIMARY KEY)')
  const running = await create('', 'left_behind')
  await until('it runs', withinMs, async () => ((await job(running)).high_water_timestamp === null ? undefined : true))
  const early = await create('', 'left_behind')
  await server.sql('DROP TABLE left_behind')
  assert.equal((await reaches(running, 'failed')).error, '"left_behind" was dropped')
  assert.match((await reaches(early, 'failed')).error, /dropped/)

  await server.sql('CREATE DATABASE doomed')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)', 'doomed')
  const inside = await create('', 'doomed.t')
  await assert.rejects(server.sql('DROP DATABASE doomed'), (error: pg.DatabaseError) => {
    assert.match(error.message, /database "doomed" is used by a changefeed/)
    assert.equal(error.hint, `CANCEL JOBS ${inside}`)
    return true
  })
  assert.equal((await job(inside)).status, 'running')
  await server.sql(`CANCEL JOBS ${inside}`)
  await server.sql('DROP DATABASE doomed')
  assert.equal((await job(inside)).status, 'canceled')
})

test('a source that refuses is tried again, and the job is behind meanwhile', async () => {
  await server.sql('CREATE DATABASE closed')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)', 'closed')
  const id = await create(often, 'closed.t')
  await until('it runs', withinMs, async () => ((await job(id)).high_water_timestamp === null ? undefined : true))
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${server.httpPort}/_status/vars`)).text()
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
  }
  const retries = await metric('changefeed_error_retries')
  await server.sql(`PAUSE JOB ${id}`)
  // Nobody can connect to it, so a feed cannot start.
  await server.sql('ALTER DATABASE closed ALLOW_CONNECTIONS false')
  await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'closed'`)
  await server.sql(`RESUME JOB ${id}`)
  const { high_water_timestamp: before, status } = await job(id)
  assert.equal(status, 'running')
  await until('it falls behind', withinMs, async () =>
    (await metric('changefeed_max_behind_nanos')) > 2e9 ? true : undefined,
  )
  assert.ok((await metric('changefeed_running')) >= 1)
  await server.sql('ALTER DATABASE closed ALLOW_CONNECTIONS true')
  await until('it goes on', withinMs, async () => {
    const now = await job(id)
    assert.equal(now.status, 'running')
    return Number(now.high_water_timestamp) > Number(before) + 2e9 ? true : undefined
  })
  assert.ok((await metric('changefeed_error_retries')) > retries)
  await server.sql(`CANCEL JOB ${id}`)
})

test('jobs come back by themselves after kill -9, and stay paused when they were', async () => {
  const runs = await create(often)
  const rests = await create(often)
  await until('both have begun', withinMs, async () =>
    (await job(runs)).high_water_timestamp !== null && (await job(rests)).high_water_timestamp !== null
      ? true
      : undefined,
  )
  await server.sql(`PAUSE JOB ${rests}`)
  const before = await job(runs)
  await server.kill()
  await server.restart()
  await until('the high-water mark moves on', withinMs, async () => {
    const now = await job(runs)
    assert.equal(now.status, 'running')
    return Number(now.high_water_timestamp) > Number(before.high_water_timestamp) ? true : undefined
  })
  assert.equal((await job(rests)).status, 'paused')
  await server.sql(`CANCEL JOBS ${runs}, ${rests}`)
})

test('a job whose changes are gone from the changelog says so when it is resumed, and what to do', async () => {
  await server.sql('CREATE TABLE lost_place (id INT PRIMARY KEY)')
  const id = await create("WITH on_error = 'pause', min_checkpoint_frequency = '0s'", 'lost_place')
  await until('it has come somewhere', withinMs, async () =>
    (await job(id)).high_water_timestamp === null ? undefined : true,
  )
  await server.sql(`PAUSE JOB ${id}`)
  const { high_water_timestamp: place } = await job(id)
  await server.kill()
  rmSync(join(server.storeDir, 'changelog'), { recursive: true })
  await server.restart()
  await server.sql(`RESUME JOB ${id}`)
  const stopped = await until('it has stopped', withinMs, async () => {
    const row = await job(id)
    return row.status === 'paused' && row.error !== '' ? row : undefined
  })
  const error = `the changes after ${place}, where the job stopped, are not in the changelog any more: changefeed.changelog.retention or changefeed.changelog.max_size removed them, or somebody removed its files`
  assert.equal(stopped.error, error)
  assert.equal(
    stopped.running_status,
    `job failed (${error}) but is being paused because of on_error=pause; RESUME JOB would stop here again: CANCEL JOB ${id}, then CREATE CHANGEFEED anew, without cursor`,
  )
  await server.sql(`CANCEL JOB ${id}`)
})
