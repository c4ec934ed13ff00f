// `changefeed start` on a PostgreSQL that lets the server in without asking for a password.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { removeStore } from '../support/kept-stores.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { Program } from './program.ts'

const withinMs = 60_000
const warning =
  /WARNING: PostgreSQL lets this server in without asking for a password, as role postgres: clients .*\nHINT: in pg_hba\.conf .*scram-sha-256, not trust.*--insecure/

interface Started {
  readonly stderr: string
  readonly log: string
  /** The error of a client that logs in without a password. */
  readonly refused: string | undefined
}

/** Starts a server, logs in, and stops it. */
async function startOn(postgres: PostgresServerUnderTest, ...flags: readonly string[]): Promise<Started> {
  const store = mkdtempSync(join(tmpdir(), 'changefeed-unasked-'))
  const addresses = ['--listen-addr=localhost:0', '--http-addr=localhost:0', `--store=${store}`]
  try {
    await using run = new Program(['start', ...addresses, ...flags], {
      env: { CHANGEFEED_POSTGRES: postgres.url() },
    })
    const url = await until('the server is ready', withinMs, () => {
      if (run.hasEnded) throw new Error(run.stderr)
      return run.stdout.includes('pid:') ? /^sql: +(\S+)$/m.exec(run.stdout)?.[1] : undefined
    })
    const refused = await loginError(url)
    const log = readFileSync(join(store, 'logs', 'changefeed.log'), 'utf8')
    run.signal('SIGTERM')
    await run.ended
    return { stderr: run.stderr, log, refused }
  } finally {
    removeStore(store)
  }
}

async function loginError(connectionString: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString })
  try {
    await client.connect()
    await client.end()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

test('a server that refuses clients of whom PostgreSQL asks no password warns at its start, with --insecure not', async () => {
  await using postgres = await PostgresServerUnderTest.start()
  const closed = await startOn(postgres)
  assert.match(closed.stderr, warning)
  assert.match(closed.log, /lets this server in without asking for a password, as role postgres/)
  assert.match(closed.refused ?? '', /lets this server in without asking for a password, so nobody has checked/)
  const open = await startOn(postgres, '--insecure')
  assert.doesNotMatch(open.stderr, /without asking/)
  assert.doesNotMatch(open.log, /without asking/)
  assert.equal(open.refused, undefined)
})

test('a server of which PostgreSQL asks a password does not warn', async () => {
  await using postgres = await PostgresServerUnderTest.start({ auth: 'scram-sha-256' })
  const { stderr, log } = await startOn(postgres)
  assert.doesNotMatch(stderr + log, /without asking/)
})
