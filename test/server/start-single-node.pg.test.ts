// The program as somebody starts and ends it: files it writes, what it survives, what it refuses.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from './test-server.ts'
import { until } from '../support/until.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const withinMs = 30_000

/** Runs the program to its end. */
function run(...args: readonly string[]): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 60_000 })
  return { status, text: stdout + stderr }
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'changefeed-start-'))
  chmodSync(dir, 0o755)
  return dir
}

test('in the background: pid and URL are written, quit ends it, the next start finds everything', async () => {
  const dir = folder()
  const files = { pid: join(dir, 'pid'), url: join(dir, 'url') }
  const store = `--store=${join(dir, 'store')}`
  const written = [`--pid-file=${files.pid}`, `--listening-url-file=${files.url}`]
  const anyPort = ['--listen-addr=localhost:0', '--http-addr=localhost:0']
  const start = (): { status: number | null; text: string } =>
    run('start-single-node', '--insecure', ...anyPort, store, '--background', ...written)
  const sql = (statement: string, ...flags: readonly string[]): string =>
    run('sql', '--url', readFileSync(files.url, 'utf8').trim(), '--format=csv', '-e', statement, ...flags).text
  try {
    const first = start()
    assert.equal(first.status, 0, first.text)
    // Whoever started it learns where it is and how it is used and ended.
    for (const part of [
      `sql:     ${readFileSync(files.url, 'utf8')}`,
      `pid:     ${readFileSync(files.pid, 'utf8')}`,
      `changefeed quit --insecure ${store}\n`,
    ]) {
      assert.ok(first.text.includes(part), first.text)
    }
    assert.match(readFileSync(files.url, 'utf8'), /^postgresql:\/\/root@localhost:\d+\/defaultdb\?sslmode=disable\s*$/)
    sql('CREATE DATABASE kept')
    assert.match(sql('SELECT datname FROM pg_database ORDER BY 1'), /defaultdb[^]*kept[^]*postgres/)
    const pid = Number(readFileSync(files.pid, 'utf8'))
    const quit = run('quit', '--insecure', store)
    assert.equal(quit.status, 0, quit.text)
    await until('the program has ended', withinMs, () => {
      try {
        process.kill(pid, 0)
        return undefined
      } catch {
        return true
      }
    })
    assert.equal(start().status, 0)
    assert.match(sql("SELECT datname FROM pg_database WHERE datname = 'kept'"), /kept/)
  } finally {
    if (existsSync(files.pid)) process.kill(Number(readFileSync(files.pid, 'utf8')), 'SIGTERM')
    await until('the store is free', withinMs, () =>
      existsSync(join(dir, 'store', 'postgres', 'postmaster.pid')) ? undefined : true,
    )
    rmSync(dir, { recursive: true, force: true })
  }
})

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

test('what cannot start says why, and harms nothing', async () => {
  await using server = await TestServer.start()
  const flags = ['start-single-node', '--insecure', '--http-addr=localhost:0']
  const inUse = run(...flags, '--listen-addr=localhost:0', `--store=${server.storeDir}`)
  assert.equal(inUse.status, 1)
  assert.match(inUse.text, /store .* is in use/)
  assert.match(inUse.text, new RegExp(String(server.pid)))
  assert.deepEqual(await server.sql('SELECT 1 AS one'), [{ one: 1 }])

  const dir = folder()
  try {
    const taken = run(...flags, `--listen-addr=localhost:${server.sqlPort}`, `--store=${join(dir, 'a')}`)
    assert.equal(taken.status, 1)
    assert.match(taken.text, new RegExp(`${server.sqlPort}`))
    assert.match(taken.text, /in use|taken/)
    assert.ok(!existsSync(join(dir, 'a')), 'a start that is refused leaves no store')

    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const http = run(
      'start-single-node',
      '--insecure',
      '--listen-addr=localhost:0',
      `--http-addr=127.0.0.1:${port}`,
      `--store=${join(dir, 'b')}`,
    )
    other.close()
    assert.equal(http.status, 1)
    assert.match(http.text, new RegExp(String(port)))

    // The server was up by then: it must be down again before the store is given back.
    const unwritable = run(
      ...flags,
      '--listen-addr=localhost:0',
      `--store=${join(dir, 'd')}`,
      `--pid-file=${join(dir, 'nowhere', 'pid')}`,
    )
    assert.equal(unwritable.status, 1)
    assert.match(unwritable.text, /^ERROR: cannot write --pid-file=\S+: ENOENT[^\n]*\n$/)
    assert.ok(!existsSync(join(dir, 'd')), 'a first start that fails leaves no store')

    writeFileSync(join(dir, 'file'), '')
    for (const more of [[], ['--background']]) {
      const noStore = run(...flags, '--listen-addr=localhost:0', `--store=${join(dir, 'file')}`, ...more)
      assert.equal(noStore.status, 1)
      assert.match(
        noStore.text,
        /^ERROR: cannot make the store [^\n]*\nHINT: a file is where the folder should be[^\n]*\n$/,
      )
    }

    spawnSync('mkdir', ['-p', join(dir, 'c', 'postgres')])
    writeFileSync(join(dir, 'c', 'postgres', 'PG_VERSION'), '13\n')
    const old = run(...flags, '--listen-addr=localhost:0', `--store=${join(dir, 'c')}`)
    assert.equal(old.status, 1)
    assert.match(old.text, /13/)
    assert.match(old.text, /18/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('a path where no folder can be made is refused at once, with a hint', () => {
  for (const [store, hint] of [
    ['/proc/changefeed/store', /choose another --store/],
    ['/dev/null/store', /a file is where the folder should be/],
  ] as const) {
    const refused = run(
      'start-single-node',
      '--insecure',
      '--listen-addr=localhost:0',
      '--http-addr=localhost:0',
      `--store=${store}`,
    )
    assert.equal(refused.status, 1)
    assert.match(refused.text, /^ERROR: cannot make the store/)
    assert.match(refused.text, hint)
  }
})

for (const signals of [['SIGHUP'], ['SIGHUP', 'SIGHUP'], ['SIGTERM', 'SIGTERM']] as const) {
  test(`${signals.join(' and ')} to a server in the foreground leaves no PostgreSQL behind`, async () => {
    await using server = await TestServer.start()
    const { postgresPid, pid } = server
    for (const signal of signals) process.kill(pid, signal)
    await until('both have ended', withinMs, () => ([pid, postgresPid].some(isAlive) ? undefined : true))
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a demo whose reader goes away stops its PostgreSQL and removes its store', async () => {
  const dir = folder()
  try {
    const demo = spawn('sh', ['-c', `"$0" "$1" demo --sql-port=0 --http-port=0 | head -n 2`, process.execPath, main], {
      env: { ...process.env, TMPDIR: dir },
      stdio: 'ignore',
    })
    const [status] = (await once(demo, 'exit')) as [number]
    assert.equal(status, 0)
    await until('nothing is left', withinMs, () => (readdirSync(dir).length === 0 ? true : undefined))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('a port that is asked of a demo and taken is refused', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const refused = run('demo', `--sql-port=${port}`, '--seconds=1')
  other.close()
  assert.equal(refused.status, 1)
  assert.match(refused.text, new RegExp(`^ERROR: port ${port} on localhost is in use`))
})

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
