// start-single-node and demo as commands: in the background, with wrong flags, and when they are told to stop.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestServer } from './test-server.ts'
import { until } from '../support/until.ts'
import { main, run, folder, isAlive } from './run-main.ts'

const withinMs = 30_000

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
    if (existsSync('/dev/full')) {
      const full = run(...flags, '--listen-addr=localhost:0', `--store=${join(dir, 'd')}`, '--pid-file=/dev/full')
      assert.match(full.text, /^ERROR: cannot write --pid-file=\/dev\/full: ENOSPC.*\nHINT: its disk is full/)
      assert.ok(existsSync('/dev/full'))
    }

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
