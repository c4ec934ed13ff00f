// What makes a changefeed of somebody's own PostgreSQL impossible is an error of its statement, with the statement to run, and not
// PostgreSQL's error again and again.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { openRawConnection } from '../../src/postgres/raw-connection.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { startAttached, type Attached } from '../server/attached.ts'
import { until } from '../support/until.ts'

const withinMs = 30_000

const createJob = `CREATE CHANGEFEED FOR t INTO 'null://' WITH initial_scan = 'no'`

interface Refused {
  readonly message: string
  readonly hint: string
}

async function refused({ server }: Attached, sql = createJob): Promise<Refused> {
  try {
    await server.sql(sql)
  } catch (error) {
    assert.ok(error instanceof pg.DatabaseError, String(error))
    return { message: error.message, hint: error.hint ?? '' }
  }
  return assert.fail(`${sql} was accepted`)
}

test('wal_level is not logical', async () => {
  await using attached = await startAttached({ settings: { wal_level: 'replica' } })
  await attached.server.sql('CREATE TABLE t (id int PRIMARY KEY)')
  for (const sql of [createJob, 'EXPERIMENTAL CHANGEFEED FOR t']) {
    assert.deepEqual(await refused(attached, sql), {
      message: 'wal_level is replica, which has no logical decoding',
      hint: `ALTER SYSTEM SET wal_level = 'logical', then restart PostgreSQL`,
    })
  }
  assert.deepEqual(await attached.server.sql('SHOW JOBS'), [])
  const log = readFileSync(join(attached.server.storeDir, 'logs', 'changefeed.log'), 'utf8')
  assert.match(log, /no changefeed can start: wal_level is replica/)
  await attached.postgres.sql(`ALTER SYSTEM SET wal_level = 'logical'`)
  const { message } = await refused(attached)
  assert.match(message, /wal_level is replica/)
  await attached.postgres.restart()
  await until('the changefeed starts', withinMs, () =>
    attached.server.sql(createJob).then(
      () => true,
      () => undefined,
    ),
  )
})

test('no slot is free', async () => {
  await using attached = await startAttached({ settings: { max_replication_slots: '1' } })
  await attached.server.sql('CREATE TABLE t (id int PRIMARY KEY)')
  await attached.postgres.sql(`SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')`)
  const { message, hint } = await refused(attached)
  assert.equal(message, 'no replication slot is free: 1 of max_replication_slots = 1 are in use')
  assert.match(
    hint,
    /^ALTER SYSTEM SET max_replication_slots = '5', then restart .*pg_drop_replication_slot\('theirs'\)$/,
  )
  await attached.postgres.sql(`SELECT pg_drop_replication_slot('theirs')`)
  await attached.server.sql(createJob)
  // An initial scan needs a second one for a moment.
  const scan = await refused(attached, `CREATE CHANGEFEED FOR t INTO 'null://'`)
  assert.match(scan.message, /^no replication slot is free/)
})

test('no WAL sender is free, or the role gets none, also when that happens later', async () => {
  await using attached = await startAttached({
    settings: { max_wal_senders: '1' },
    role: { name: 'cdc', attributes: 'REPLICATION' },
    flags: ['--no-install'],
    ownsDatabase: true,
  })
  const { postgres, server } = attached
  await server.sql(
    'CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON t TO cdc; CREATE PUBLICATION pg_changefeed FOR TABLE t',
  )
  const taken = await openRawConnection({ source: postgres.localSource('app'), replication: true })
  const full = await refused(attached)
  assert.equal(full.message, 'no WAL sender is free: 1 of max_wal_senders = 1 are in use')
  assert.match(full.hint, /^ALTER SYSTEM SET max_wal_senders = '5'/)
  await taken.close()
  await until('the changefeed starts', withinMs, () =>
    server.sql(createJob).then(
      () => true,
      () => undefined,
    ),
  )
  await postgres.sql('ALTER ROLE cdc NOREPLICATION')
  await postgres.sql('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots')
  const lack = /role cdc may not replicate/
  await until('SHOW JOBS says why', withinMs, async () => {
    const [job] = await server.sql('SHOW JOBS')
    return lack.test(String(job?.['running_status'])) || undefined
  })
  const health = await (await fetch(`http://127.0.0.1:${server.httpPort}/health`)).text()
  assert.match(health, lack)
  assert.match(health, /ALTER ROLE cdc REPLICATION/)
  await postgres.sql('ALTER ROLE cdc REPLICATION')
  await until('it goes on', withinMs, async () => {
    const [job] = await server.sql('SHOW JOBS')
    return job?.['status'] === 'running' && !lack.test(String(job['running_status'])) ? true : undefined
  })
})

test('without track_commit_timestamp, the rows of an initial scan have the time of the scan as mvcc_timestamp', async () => {
  await using attached = await startAttached()
  await attached.server.sql('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
  await using feed = await SinklessFeed.open(
    attached.server,
    'EXPERIMENTAL CHANGEFEED FOR t WITH mvcc_timestamp, updated',
  )
  await until('the row', withinMs, () => feed.messages.length > 0 || undefined)
  const { mvcc_timestamp: committed, updated } = JSON.parse(feed.messages[0]?.value ?? '') as Record<string, string>
  assert.equal(committed, updated)
})
