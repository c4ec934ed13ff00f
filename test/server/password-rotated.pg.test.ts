// The password of the server's role is changed while changefeeds run, and the file with it a moment later, as tools that rotate do.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { AttachedUnderTest } from '../support/attached-under-test.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'

const withinMs = 25_000

interface Feed {
  readonly client: pg.Client
  bytes: number
  error: Error | undefined
}

test('a changefeed goes on when the password of the role of the server was changed, whether it runs or waits for its slot', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rotated-'))
  try {
    await using postgres = await PostgresServerUnderTest.start({ version: 15, auth: 'scram-sha-256' })
    await postgres.sql('CREATE TABLE t (id int PRIMARY KEY)')
    const cdc = await postgres.leastPrivileged({ database: 'postgres', tables: ['t'] })
    await postgres.sql(`GRANT CREATE ON DATABASE postgres TO ${cdc}`)
    const path = join(dir, 'password')
    const write = async (): Promise<void> =>
      writeFileSync(path, `${await postgres.setPassword(cdc)}\n`, { mode: 0o600 })
    await write()
    const password = { tag: 'file', path } as const
    await using server = await AttachedUnderTest.start({ source: { ...postgres.source('postgres', cdc), password } })
    const admin = postgres.source()
    const secret = admin.password?.tag === 'text' ? admin.password.text : ''
    const begin = async (): Promise<Feed> => {
      const client = await server.connect({ user: 'postgres', password: secret })
      await client.query('SET CLUSTER SETTING kv.rangefeed.enabled = true')
      const feed: Feed = { client, bytes: 0, error: undefined }
      const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadableStream } }).connection
      client.query("CREATE CHANGEFEED FOR t WITH initial_scan = 'no', resolved = '100ms'").catch((error: Error) => {
        feed.error = error
      })
      stream.on(
        'data',
        (chunk: Buffer) => (feed.bytes += /resolved|7265736f6c766564/.test(chunk.toString('latin1')) ? 1 : 0),
      )
      return feed
    }
    const sessions = `SELECT count(*) FROM pg_stat_activity WHERE usename = '${cdc}'`
    const rotate = async (): Promise<void> => {
      const before = Date.now()
      await postgres.setPassword(cdc)
      await postgres.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${cdc}'`)
      await until('the old password was refused for a while', withinMs, () =>
        Date.now() - before > 4000 ? true : undefined,
      )
      assert.deepEqual(await postgres.sql(sessions), [['0']])
      await write()
    }
    const more = async (feed: Feed): Promise<void> => {
      const { bytes } = feed
      await until('the feed goes on', withinMs, () => {
        if (feed.error !== undefined) throw feed.error
        return feed.bytes > bytes + 1 ? true : undefined
      })
    }

    const open = new pg.Client({
      host: '127.0.0.1',
      port: postgres.port,
      user: 'postgres',
      password: secret,
      database: 'postgres',
    })
    await open.connect()
    await open.query('BEGIN; SELECT pg_current_xact_id()')
    const feed = await begin()
    await until('the slot waits for the transaction', withinMs, async () => {
      if (feed.error !== undefined) throw feed.error
      return (await postgres.sql(`SELECT FROM pg_replication_slots`)).length > 0 ? true : undefined
    })
    await rotate()
    await open.query('COMMIT')
    await open.end()
    await more(feed)
    await rotate()
    await more(feed)
    await feed.client.end()
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
