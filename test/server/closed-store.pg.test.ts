// Who reaches a store, its PostgreSQL and its HTTP server, and who does not.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from './test-server.ts'
import { until } from '../support/until.ts'
import { main, folder } from './run-main.ts'

const withinMs = 30_000

test('a store is its owner’s alone, and so are its logs', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY)')
  const mode = (...path: readonly string[]): string =>
    (statSync(join(server.storeDir, ...path)).mode & 0o777).toString(8)
  assert.equal(mode('logs'), '700')
  assert.equal(mode('logs', 'changefeed.log'), '600')
})

test(
  'an ordinary user can run it as well as root',
  { skip: process.getuid?.() !== 0 && 'only root can become another' },
  async () => {
    const dir = folder()
    const store = join(dir, 'store')
    spawnSync('mkdir', [store])
    spawnSync('chown', ['65534:65534', store])
    const child = spawn(
      process.execPath,
      [
        main,
        'start-single-node',
        '--insecure',
        '--listen-addr=localhost:0',
        '--http-addr=localhost:0',
        `--store=${store}`,
      ],
      {
        uid: 65534,
        gid: 65534,
        cwd: dir,
        env: { PATH: process.env['PATH'], HOME: store },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    try {
      await until('it is ready', withinMs, () => {
        if (child.exitCode !== null) throw new Error(output)
        return output.includes('pid:') ? true : undefined
      })
    } finally {
      child.kill('SIGTERM')
      await until('it has ended', withinMs, () =>
        child.exitCode === null && child.signalCode === null ? undefined : true,
      )
      rmSync(dir, { recursive: true, force: true })
    }
    assert.equal(child.exitCode, 0, output)
  },
)

test('a database whose changefeeds are over can be dropped; one that is watched cannot', async () => {
  await using server = await TestServer.start()
  await server.sql('CREATE DATABASE gone')
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)', 'gone')
  {
    await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR t', { database: 'gone' })
    await feed.row(1)
    await assert.rejects(server.sql('DROP DATABASE gone'), /database "gone" is used by a changefeed/)
  }
  const [job] = await server.sql("CREATE CHANGEFEED FOR gone.public.t INTO 'null://'")
  await assert.rejects(server.sql('DROP DATABASE IF EXISTS gone'), (error: Error & { hint?: string }) => {
    assert.equal(error.hint, `CANCEL JOBS ${String(job?.['job_id'])}`)
    return true
  })
  await server.sql(`CANCEL JOB ${String(job?.['job_id'])}`)
  await until('it is dropped', withinMs, () =>
    server.sql('DROP DATABASE gone').then(
      () => true,
      () => undefined,
    ),
  )
  assert.deepEqual(await server.sql("SELECT FROM pg_replication_slots WHERE database = 'gone'"), [])
  await assert.rejects(server.sql('DROP DATABASE nothing'), /does not exist/)
})

test('nobody but its owner reaches the embedded PostgreSQL: it has no port, and its socket lies in a closed folder', async () => {
  await using server = await TestServer.start()
  const shown = await server.sql('SHOW listen_addresses')
  assert.deepEqual(shown, [{ listen_addresses: '' }])
  const socketDir = readFileSync(join(server.storeDir, 'socket-dir'), 'utf8')
  assert.equal(statSync(socketDir).mode & 0o777, 0o700)
  const sockets = readdirSync(socketDir).filter((name) => name.startsWith('.s.PGSQL.') && !name.endsWith('.lock'))
  assert.equal(sockets.length, 1)
  assert.equal(statSync(join(socketDir, sockets[0] ?? '')).mode & 0o777, 0o700)
  const logs = join(server.storeDir, 'postgres', 'log')
  for (const name of readdirSync(logs)) assert.equal(statSync(join(logs, name)).mode & 0o777, 0o600)
})

test(
  'a server of root shares the user of its PostgreSQL with nobody, and keeps it',
  { skip: process.getuid?.() !== 0 && 'only root runs it as another' },
  async () => {
    await using server = await TestServer.start()
    const dataDir = join(server.storeDir, 'postgres')
    const { uid } = statSync(dataDir)
    assert.ok(uid !== 0 && uid !== 65_534, `uid ${uid}`)
    assert.equal(statSync(join(dataDir, 'global', 'pg_control')).uid, uid)
    const socketDir = readFileSync(join(server.storeDir, 'socket-dir'), 'utf8')
    const script = `const fs = require('node:fs'), net = require('node:net')
      for (const path of [${JSON.stringify(socketDir)}, ${JSON.stringify(dataDir)}])
        try { fs.readdirSync(path); console.log('read', path) } catch (error) { console.log(error.code) }
      try { process.kill(${server.postgresPid}, 0); console.log('may signal') } catch (error) { console.log(error.code) }
      net.connect(${JSON.stringify(join(socketDir, '.s.PGSQL.5432'))})
        .on('connect', () => { console.log('let in'); process.exit() }).on('error', (error) => console.log(error.code))`
    const { stdout } = spawnSync(process.execPath, ['-e', script], { uid: 65_534, gid: 65_534, encoding: 'utf8' })
    assert.deepEqual(stdout.trim().split('\n'), ['EACCES', 'EACCES', 'EPERM', 'EACCES'])
    // A store of an earlier version, whose PostgreSQL ran as nobody, is given to a user of its own.
    await server.sql('CREATE TABLE kept (id INT PRIMARY KEY); INSERT INTO kept VALUES (1)')
    await server.kill()
    spawnSync('chown', ['-R', '65534:65534', dataDir])
    await server.restart()
    assert.deepEqual(await server.sql('SELECT * FROM kept'), [{ id: '1' }])
    const { uid: later } = statSync(dataDir)
    assert.ok(later !== 0 && later !== 65_534)
    await server.kill()
    await server.restart()
    assert.equal(statSync(dataDir).uid, later)
  },
)

test('HTTP answers to its own names only', async () => {
  await using server = await TestServer.start()
  const { request } = await import('node:http')
  const status = async (host: string): Promise<number | undefined> => {
    const { promise, resolve } = Promise.withResolvers<number | undefined>()
    const asked = request({ host: '127.0.0.1', port: server.httpPort, path: '/health', headers: { host } })
    asked.on('response', (response) => resolve(response.resume().statusCode))
    asked.end()
    return promise
  }
  for (const host of ['localhost', `localhost:${server.httpPort}`, '127.0.0.1:1', '[::1]:80']) {
    assert.equal(await status(host), 200, host)
  }
  for (const host of [
    'rebound.example',
    `rebound.example:${server.httpPort}`,
    'localhost.example',
    '127.0.0.1.example',
  ]) {
    assert.equal(await status(host), 421, host)
  }
})
