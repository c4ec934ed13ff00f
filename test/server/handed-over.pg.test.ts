// The program as npm runs it: bin/changefeed.js hands over to another Node. Whichever of the two is killed or loses its
// terminal, what was started is stopped, and a server in the background goes on.

import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { nodeFlags } from '../../bin/node-flags.js'
import { until } from '../support/until.ts'

const wrapper = fileURLToPath(new URL('../../bin/changefeed.js', import.meta.url))
const withinMs = 120_000
let dir: string
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'changefeed-handed-'))
  chmodSync(dir, 0o755)
})
after(() => rmSync(dir, { recursive: true, force: true }))

interface Started {
  readonly child: ChildProcess
  readonly store: string
  /** Of the server, once it has locked the store. */
  readonly serverPid: Promise<number>
  readonly output: () => string
}

function start(name: string, ...flags: readonly string[]): Started {
  const store = join(dir, name)
  const args = ['start-single-node', '--insecure', '--listen-addr=localhost:0', '--http-addr=localhost:0']
  const child = spawn(process.execPath, [wrapper, ...args, `--store=${store}`, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const serverPid = until('the store is locked', withinMs, () => firstNumber(join(store, 'changefeed.lock')))
  return { child, store, serverPid, output: () => output }
}

function firstNumber(file: string): number | undefined {
  const number = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN
  return number > 0 ? number : undefined
}

const postgresPid = (store: string): Promise<number> =>
  until('PostgreSQL runs', withinMs, () => firstNumber(join(store, 'postgres', 'postmaster.pid')))

const ready = ({ store }: Started): Promise<true> =>
  until('it is ready', withinMs, () => (existsSync(join(store, 'http-address')) ? true : undefined))

async function haveEnded(pids: readonly number[]): Promise<void> {
  await until('all have ended', withinMs, () => (pids.some(isAlive) ? undefined : true))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('kill -9 of the process that handed over stops the server cleanly, and its PostgreSQL', async () => {
  const started = start('killed')
  await ready(started)
  const pids = [await started.serverPid, await postgresPid(started.store)]
  assert.ok(!pids.includes(started.child.pid ?? 0), 'the server is another process')
  started.child.kill('SIGKILL')
  await haveEnded(pids)
  // Cleanly: the lock and the address are taken away.
  for (const name of ['changefeed.lock', 'http-address', 'postgres/postmaster.pid'])
    assert.ok(!existsSync(join(started.store, name)), name)
})

test('a server in the background goes on when its launcher is killed, also before it is ready', async () => {
  const started = start('behind', '--background')
  const pid = await started.serverPid
  started.child.kill('SIGKILL')
  await ready(started)
  const postgres = await postgresPid(started.store)
  // The launcher of the wrapper has gone with it, and the server has told it nothing that failed.
  await until('nobody waits for it', withinMs, () => (started.child.signalCode === null ? undefined : true))
  assert.deepEqual([pid, postgres].map(isAlive), [true, true])
  // As small as one in the foreground.
  const { stdout } = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  for (const flag of nodeFlags) assert.ok(stdout.split(' ').includes(flag), stdout)
  process.kill(pid, 'SIGTERM')
  await haveEnded([pid, postgres])
})

test('an interrupt while a server starts in the background stops it and leaves no store', async () => {
  const started = start('interrupted', '--background')
  const pid = await started.serverPid
  const ended = once(started.child, 'exit')
  started.child.kill('SIGTERM')
  assert.deepEqual(await ended, [130, null], started.output())
  assert.match(started.output(), /^ERROR: interrupted; the server that was starting has stopped\n$/)
  await haveEnded([pid])
  assert.ok(!existsSync(join(started.store, 'postgres')))
})

test('SIGQUIT ends the server at once, and its PostgreSQL with it', async () => {
  const started = start('quit')
  await ready(started)
  const pids = [await started.serverPid, await postgresPid(started.store)]
  started.child.kill('SIGQUIT')
  await haveEnded(pids)
})

const noTerminal = existsSync('/usr/bin/script') || existsSync('/bin/script') ? false : 'needs script(1)'
test(
  'one Ctrl-C in a terminal is one, whatever the standard input is: it stops cleanly',
  { skip: noTerminal },
  async () => {
    const store = join(dir, 'terminal')
    const flags = `start-single-node --insecure --listen-addr=localhost:0 --http-addr=localhost:0 --store=${store}`
    const command = `exec '${process.execPath}' '${wrapper}' ${flags} < /dev/null`
    const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
    let output = ''
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    await until('it is ready', withinMs, () => (existsSync(join(store, 'http-address')) ? true : undefined))
    const pids = [firstNumber(join(store, 'changefeed.lock')) ?? 0, await postgresPid(store)]
    terminal.stdin.write('\u0003')
    await haveEnded(pids)
    await until('it says so', withinMs, () => (output.includes('shutdown completed') ? true : undefined))
    terminal.kill()
  },
)
