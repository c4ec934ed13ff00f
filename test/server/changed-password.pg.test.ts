// The password of the server's role is changed while a changefeed runs.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { TestServer } from './test-server.ts'

const withinMs = 40_000
const role = 'feeds'

test('a changefeed waits while the password is wrong, says so, and goes on with every row when its file is right', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'password-'))
  const file = join(dir, 'password')
  await using postgres = await PostgresServerUnderTest.start({ tls: true, auth: 'scram-sha-256' })
  await postgres.role('SUPERUSER', role)
  await postgres.sql('CREATE TABLE t (id int PRIMARY KEY)')
  writeFileSync(file, `${await postgres.setPassword(role)}\n`)
  const { password } = postgres.source()
  const url = new URL(postgres.url('postgres', role))
  url.password = ''
  try {
    await using server = await TestServer.start({
      attached: {
        url: url.href,
        user: 'postgres',
        database: 'postgres',
        password: password?.tag === 'text' ? password.text : undefined,
        flags: [`--password-file=${file}`],
      },
    })
    const health = async (): Promise<string> => (await fetch(`http://127.0.0.1:${server.httpPort}/health`)).text()
    await using feed = await SinklessFeed.open(server, 'CREATE CHANGEFEED FOR t')
    const came = (id: number): Promise<unknown> =>
      until(`row ${id} comes`, withinMs, () => feed.messages.some(({ key }) => key === `[${id}]`) || undefined)
    await postgres.sql('INSERT INTO t VALUES (1)')
    await came(1)

    const next = await postgres.setPassword(role)
    await postgres.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`)
    await postgres.sql('INSERT INTO t VALUES (2)')
    const refused = /password authentication failed for user \\?"feeds/
    await until('/health says so', withinMs, async () => refused.test(await health()) || undefined)
    const attempts = postgres.log.split(`password authentication failed for user "${role}"`).length - 1
    assert.ok(attempts < 20, `${attempts} attempts with the wrong password`)

    writeFileSync(file, `${next}\n`)
    await came(2)
    await until('/health has nothing to say', withinMs, async () => (await health()) === '{}\n' || undefined)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
