// A password in a URL is not where others can read it, once the program runs: not in the list of processes, not in its files.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { removeStore } from '../support/kept-stores.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'

const program = fileURLToPath(new URL('../../bin/changefeed.js', import.meta.url))
const skip = existsSync('/proc/self/cmdline') ? false : 'there is no /proc'

test('neither the list of processes nor the store shows a password that a URL contains', { skip }, async () => {
  await using server = await PostgresServerUnderTest.start({ auth: 'scram-sha-256', tls: true })
  const { password } = server.source()
  const secret = password?.tag === 'text' ? password.text : ''
  const store = mkdtempSync(join(tmpdir(), 'changefeed-test-'))
  const addresses = ['--listen-addr=localhost:0', '--http-addr=localhost:0', `--store=${store}`]
  const child = spawn(process.execPath, [program, 'start', `--postgres=${server.url()}`, ...addresses])
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    await until('the server is ready', 60_000, () => output.includes('pid:') || undefined)
    const pids = [child.pid, Number(/pid:\s+(\d+)/.exec(output)?.[1])]
    for (const pid of pids) assert.doesNotMatch(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), new RegExp(secret))
    assert.match(output, /WARNING: --postgres contains a password/)
    assert.ok(!output.includes(secret), 'the output')
    // What is said of a PostgreSQL that is gone, too.
    await server.stop('immediate')
    await until('the log says so', 20_000, () => logsOf(store).includes('cannot reach PostgreSQL at 127') || undefined)
    for (const file of filesIn(store)) assert.ok(!readFileSync(file).includes(secret), file)
  } finally {
    child.kill('SIGTERM')
    await ended
    removeStore(store)
  }
})

test('a command that fails does not repeat the password', () => {
  const args = [program, 'start', '--postgres=postgres://me:very-secret@127.0.0.1:1/d?sslmod=x', '--store=/nowhere/s']
  const { stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 1)
  assert.match(stderr, /the connection URL has a parameter that does not exist: sslmod/)
  assert.match(stderr, /did you mean sslmode/)
  assert.doesNotMatch(stderr, /very-secret/)
})

function logsOf(store: string): string {
  const dir = join(store, 'logs')
  return existsSync(dir)
    ? filesIn(dir)
        .map((file) => readFileSync(file, 'utf8'))
        .join('')
    : ''
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
}
