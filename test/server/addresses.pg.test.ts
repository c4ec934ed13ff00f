// Addresses that a server is told to listen on: those it cannot, and those that others can reach.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { main } from './run-main.ts'

let dir: string
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'changefeed-addresses-'))
  chmodSync(dir, 0o755)
})
after(() => rmSync(dir, { recursive: true, force: true }))

interface Ended {
  readonly status: number | null
  readonly text: string
}

function start(flags: readonly string[], user: { readonly uid?: number; readonly gid?: number } = {}): Ended {
  const args = [main, 'start-single-node', '--insecure', `--store=${join(dir, 'store')}`, ...flags]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 180_000, ...user })
  return { status, text: stdout + stderr }
}

for (const [address, said] of [
  [
    'no-such-host.invalid:0',
    /^ERROR: cannot listen on no-such-host\.invalid:0: the name .* does not resolve.*\nHINT: /,
  ],
  ['192.0.2.1:0', /^ERROR: cannot listen on 192\.0\.2\.1:0: this machine has no address 192\.0\.2\.1\nHINT: use local/],
  ['[2001:db8::1]:0', /^ERROR: cannot listen on \[2001:db8::1\]:0: this machine has no address 2001:db8::1\nHINT: use/],
  ['localhost:65536', /^ERROR: --(?:listen|http)-addr: port 65536 is out of range\nHINT: ports go from 0/],
  ['localhost:', /^ERROR: --(?:listen|http)-addr=localhost: has no port behind its colon\nHINT: leave the colon out/],
  ['::1', /^ERROR: --(?:listen|http)-addr=::1 does not say where the address ends\nHINT: use brackets/],
] as const) {
  test(`an address like ${address} is refused with the reason and a hint, for SQL and HTTP`, () => {
    for (const [flag, other] of [
      ['--listen-addr', '--http-addr'],
      ['--http-addr', '--listen-addr'],
    ] as const) {
      const { status, text } = start([`${other}=localhost:0`, `${flag}=${address}`])
      assert.equal(status, 1)
      assert.match(text, said)
      assert.ok(!existsSync(join(dir, 'store')), 'a start that is refused leaves no store')
    }
  })
}

const leastFree = '/proc/sys/net/ipv4/ip_unprivileged_port_start'
const mayNot =
  process.getuid?.() !== 0
    ? 'only root can become another'
    : !existsSync(leastFree) || Number(readFileSync(leastFree, 'utf8')) <= 80
      ? 'everybody may listen on any port here'
      : false
test('a port that the user may not take is refused with a hint', { skip: mayNot }, () => {
  const { status, text } = start(['--listen-addr=localhost:80', '--http-addr=localhost:0'], { uid: 65534, gid: 65534 })
  assert.equal(status, 1)
  assert.match(text, /^ERROR: this user may not listen on port 80 of localhost\nHINT: choose a port from 1024 on\n/)
})

test('an address that others can reach is refused for SQL unless it is said twice, and both are warned of', () => {
  const refused = start(['--listen-addr=0.0.0.0:0', '--http-addr=localhost:0'])
  assert.notEqual(refused.status, 0)
  assert.match(refused.text, /--listen-addr=0\.0\.0\.0 lets everybody .* --accept-sql-without-tls/s)
  const flags = ['--listen-addr=0.0.0.0:0', '--http-addr=0.0.0.0:0', '--accept-sql-without-tls']
  try {
    const started = start([...flags, '--background'])
    assert.equal(started.status, 0, started.text)
    const log = readFileSync(join(dir, 'store', 'logs', 'changefeed.log'), 'utf8')
    for (const text of [started.text, log]) {
      assert.match(text, /ALL SECURITY CONTROLS HAVE BEEN DISABLED!/)
      assert.match(text, /HTTP listens on 0\.0\.0\.0 without encryption and passwords/)
    }
  } finally {
    spawnSync(process.execPath, [main, 'quit', `--store=${join(dir, 'store')}`])
    rmSync(join(dir, 'store'), { recursive: true, force: true })
  }
})

test('a server is stopped by its SQL address, also an IPv6 one', { timeout: 300_000 }, () => {
  const urlFile = join(dir, 'url')
  const started = start([
    '--listen-addr=[::1]:0',
    '--http-addr=[::1]:0',
    `--listening-url-file=${urlFile}`,
    '--background',
  ])
  assert.equal(started.status, 0, started.text)
  const [, host] = /@(.*)\//.exec(readFileSync(urlFile, 'utf8')) ?? []
  const quit = spawnSync(process.execPath, [main, 'quit', '--insecure', `--host=${host}`], { encoding: 'utf8' })
  assert.deepEqual([quit.status, quit.stdout, quit.stderr], [0, 'ok\n', ''])
})
