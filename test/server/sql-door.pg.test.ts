// Where `changefeed start` listens, and with which files; and a SIGHUP that reads them again.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import pg from 'pg'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { certificateOf } from '../support/servers/certificates.ts'
import { OddAuthority } from '../support/servers/odd-certificates.ts'
import { until } from '../support/until.ts'
import { main } from './run-main.ts'

const withinMs = 60_000
const { cert, key, ca } = certificateOf('front')
let dir: string
let postgres: PostgresServerUnderTest

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'changefeed-door-'))
  postgres = await PostgresServerUnderTest.start({ auth: 'scram-sha-256' })
})
after(async () => {
  rmSync(dir, { recursive: true, force: true })
  await postgres[Symbol.asyncDispose]()
})

const flagsOf = (flags: readonly string[]): string[] => [
  main,
  'start',
  '--http-addr=localhost:0',
  `--store=${join(dir, 'store')}`,
  ...flags,
]

test('a start that would let others read what clients send is refused, before anything is written', () => {
  for (const [flags, said] of [
    [['--listen-addr=0.0.0.0:0'], /^ERROR: --listen-addr=0\.0\.0\.0 can be reached .*\nHINT: .*--tls-cert.*--insecure/],
    [['--listen-addr=[::]:0'], /^ERROR: --listen-addr=:: can be reached by other machines/],
    [['--listen-addr=localhost:0', `--tls-cert=${cert}`], /^ERROR: --tls-cert needs --tls-key\n/],
    [['--listen-addr=localhost:0', `--tls-client-ca=${ca}`], /^ERROR: --tls-client-ca needs --tls-cert\n/],
    [
      ['--listen-addr=localhost:0', `--tls-cert=${cert}`, `--tls-key=${dir}/none`],
      /^ERROR: cannot read --tls-key=.*none/,
    ],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, flagsOf(['--postgres=host=127.0.0.1 port=1', ...flags]), {
      encoding: 'utf8',
      timeout: withinMs,
    })
    assert.equal(status, 1)
    assert.match(stderr, said)
  }
  assert.ok(!existsSync(join(dir, 'store')))
})

test('a server with TLS listens for others, reads its certificate again at SIGHUP, and says in HTTP when it ends', async () => {
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'cert.key') }
  copyFileSync(cert, files.cert)
  copyFileSync(key, files.key)
  const child = spawn(
    process.execPath,
    flagsOf(['--listen-addr=0.0.0.0:0', `--tls-cert=${files.cert}`, `--tls-key=${files.key}`]),
    {
      env: { ...process.env, CHANGEFEED_POSTGRES: postgres.url() },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Without a terminal, as under systemd.
      detached: true,
    },
  )
  try {
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    const url = await until('the server is ready', withinMs, () => {
      if (child.exitCode !== null) throw new Error(output)
      return /^sql: +(\S+)$/m.exec(output)?.[1]
    })
    assert.match(url, /sslmode=require$/)
    assert.match(output, /^http: +https:\/\/localhost:\d+$/m)
    const password = postgres.source().password
    const login = { user: 'postgres', password: password?.tag === 'text' ? password.text : '', database: 'postgres' }
    const shown = async (): Promise<string> => {
      const { port } = new URL(url)
      const client = new pg.Client({ host: '127.0.0.1', port: Number(port), ...login, ssl: { ca: readFileSync(ca) } })
      await client.connect()
      const { stream } = (client as unknown as { connection: { stream: import('node:tls').TLSSocket } }).connection
      const { CN } = stream.getPeerCertificate().subject
      await client.end()
      return String(CN)
    }
    assert.equal(await shown(), 'front')
    const other = certificateOf('front after a while')
    copyFileSync(other.cert, files.cert)
    const log = (): string => readFileSync(join(dir, 'store', 'logs', 'changefeed.log'), 'utf8')
    child.kill('SIGHUP')
    await until('the log says what is wrong', withinMs, () => (log().includes('is not the key of') ? true : undefined))
    assert.equal(await shown(), 'front')
    copyFileSync(other.key, files.key)
    child.kill('SIGHUP')
    await until('the certificate is new', withinMs, async () =>
      (await shown()) === 'front after a while' ? true : undefined,
    )
    const soon = new OddAuthority(join(dir, 'odd')).make({ days: 1 })
    copyFileSync(soon.cert, files.cert)
    copyFileSync(soon.key, files.key)
    child.kill('SIGHUP')
    const base = `http://localhost:${/^http: +https:\/\/localhost:(\d+)$/m.exec(output)?.[1]}`
    const endsAt = Math.floor(new X509Certificate(readFileSync(soon.cert)).validToDate.getTime() / 1000)
    await until('the metric is that of the new one', withinMs, async () => {
      const page = await (await fetch(`${base}/_status/vars?visibility=essential`)).text()
      return page.includes(`\nsecurity_certificate_expiration_node ${endsAt}\n`) ? true : undefined
    })
    const own = { 'x-changefeed-console': '1' }
    const { headers } = await fetch(`${base}/api/v1/login`, {
      method: 'POST',
      headers: own,
      body: JSON.stringify(login),
    })
    const cookie = headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const overview = await fetch(`${base}/api/v1/overview`, { headers: { ...own, cookie } })
    const { attention } = (await overview.json()) as { readonly attention: readonly { readonly detail: string }[] }
    assert.match(attention[0]?.detail ?? '', /^the certificate in --tls-cert expires at 20/)
    assert.equal(child.exitCode, null)
  } finally {
    if (child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    }
  }
})
