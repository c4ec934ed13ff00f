// A PostgreSQL that was left behind, died, or belongs to a copy of the store.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestServer } from './test-server.ts'
import { until } from '../support/until.ts'
import { run, folder } from './run-main.ts'

const withinMs = 30_000

test('after kill -9 the PostgreSQL left behind is taken over, and what was committed is there', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)')
  for (let round = 1; round <= 3; round++) {
    await server.sql(`INSERT INTO t VALUES (${round})`)
    const { postgresPid } = server
    await server.kill()
    process.kill(postgresPid, 0)
    await server.restart()
    assert.deepEqual(await server.sql('SELECT count(*) AS n FROM t'), [{ n: String(round) }])
  }
})

test('a PostgreSQL that dies is started again, and a pid file of somebody else stops nobody', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)')
  await server.sql('INSERT INTO t VALUES (1)')
  server.killPostgres()
  await until('PostgreSQL is back', withinMs, () =>
    server.sql('SELECT 1').then(
      () => true,
      () => undefined,
    ),
  )
  assert.deepEqual(await server.sql('SELECT * FROM t'), [{ id: '1' }])

  const { postgresPid } = server
  await server.kill()
  process.kill(postgresPid, 'SIGKILL')
  await until('it is gone', withinMs, () => {
    try {
      process.kill(postgresPid, 0)
      return undefined
    } catch {
      return true
    }
  })
  // The number now belongs to this very process, which must survive.
  const pidFile = join(server.storeDir, 'postgres', 'postmaster.pid')
  writeFileSync(pidFile, readFileSync(pidFile, 'utf8').replace(/^\d+/, String(process.pid)))
  await server.restart()
  assert.deepEqual(await server.sql('SELECT * FROM t'), [{ id: '1' }])
})

test('a copy of a running store is a store of its own: it starts with a warning, and what ends it leaves the original alone', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)')
  const dir = folder()
  const copy = join(dir, 'copy')
  const store = `--store=${copy}`
  try {
    assert.equal(spawnSync('cp', ['-a', server.storeDir, copy]).status, 0)
    const early = run('quit', '--insecure', store)
    assert.equal(early.status, 1)
    assert.ok(
      early.text.includes(`it is a copy of ${server.storeDir}, on which process ${server.pid} runs`),
      early.text,
    )
    const started = run(
      'start-single-node',
      '--insecure',
      '--listen-addr=localhost:0',
      '--http-addr=localhost:0',
      store,
      '--background',
    )
    assert.equal(started.status, 0, started.text)
    assert.match(started.text, /WARNING: the store \S+ is a copy of \S+, taken while process \d+ ran on it/)
    assert.equal(run('quit', '--insecure', store).text, 'ok\n')
    assert.deepEqual(await server.sql('SELECT * FROM t'), [{ id: '1' }])
    process.kill(server.pid, 0)
  } finally {
    run('quit', '--insecure', store)
    rmSync(dir, { recursive: true, force: true })
  }
})

test('quit stops the PostgreSQL that a killed server has left behind', async () => {
  await using server = await TestServer.start()
  await server.kill()
  const { postgresPid } = server
  process.kill(postgresPid, 0)
  const quit = run('quit', '--insecure', `--store=${server.storeDir}`)
  assert.equal(quit.status, 0, quit.text)
  assert.equal(quit.text, `ok: the server was gone, and its PostgreSQL, process ${postgresPid}, has been stopped\n`)
  assert.equal(existsSync(join(server.storeDir, 'postgres', 'postmaster.pid')), false)
  assert.match(run('quit', '--insecure', `--store=${server.storeDir}`).text, /no server runs on the store/)
})

test('a backend that computes and does not notice that its postmaster was killed keeps nobody waiting', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)')
  // In an object, or whoever awaits it would wait for the result.
  const computing = async (): Promise<{ readonly result: Promise<unknown> }> => {
    const client = await server.connect()
    const result = client.query('SELECT count(*) FROM generate_series(1, 1000000000000)').catch((error: Error) => error)
    await until('it computes', withinMs, async () =>
      (await server.sql("SELECT FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND state = 'active'"))
        .length > 1
        ? true
        : undefined,
    )
    return { result }
  }
  const isBack = (): Promise<true> =>
    until('PostgreSQL is back', withinMs, () =>
      server.sql('SELECT * FROM t').then(
        (rows) => (assert.deepEqual(rows, [{ id: '1' }]), true),
        () => undefined,
      ),
    )
  const { result: first } = await computing()
  server.killPostgres()
  await isBack()
  assert.ok((await first) instanceof Error)
  const { result: second } = await computing()
  await server.kill()
  server.killPostgres()
  await server.restart()
  await isBack()
  assert.ok((await second) instanceof Error)
})
