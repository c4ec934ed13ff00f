// What was put into a database for its changefeeds goes again when none needs it.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { sqlOf } from '../../src/source-schema/sql-files.ts'
import { unseen } from '../support/unseen.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const keep = (duration: string): Promise<unknown> =>
  server.sql(`SET CLUSTER SETTING changefeed.watch.keep_duration = '${duration}'`)

const leftSql = `SELECT 'slot ' || slot_name AS what FROM pg_replication_slots WHERE database = current_database()
  UNION ALL SELECT 'publication' FROM pg_publication UNION ALL SELECT 'trigger' FROM pg_event_trigger WHERE evtname LIKE 'pg_changefeed%'
  UNION ALL SELECT 'schema' FROM pg_namespace WHERE nspname = 'changefeed'`

async function isBare(database: string): Promise<true | undefined> {
  const left = await server.sql(leftSql, database)
  return left.length === 0 ? true : undefined
}

async function oidOf(database: string): Promise<string> {
  const [row] = await server.sql(`SELECT oid::text AS oid FROM pg_database WHERE datname = '${database}'`)
  return String(row?.['oid'])
}

const logDir = (oid: string): string => join(server.storeDir, 'changelog', oid)

/** A database with a table that a changefeed has scanned. */
async function fed(database: string): Promise<string> {
  await server.sql(`CREATE DATABASE ${database}`)
  await server.sql(`CREATE TABLE t (id INT PRIMARY KEY, v STRING); INSERT INTO t VALUES (1, 'a')`, database)
  await server.sql(`EXPERIMENTAL CHANGEFEED FOR t WITH initial_scan='only'`, database)
  return oidOf(database)
}

async function now(database: string): Promise<string> {
  const [row] = await server.sql(
    `SELECT ((extract(epoch FROM clock_timestamp()) * 1000000)::int8 * 1000)::text AS now`,
    database,
  )
  return String(row?.['now'])
}

/** Besides the list of descriptions, which is published as well. */
const publishedSql = `SELECT FROM pg_publication_rel WHERE prrelid <> 'changefeed.watched'::regclass`

test('a while after its last changefeed a database is as before, and a cursor from before is refused', async () => {
  const oid = await fed('kept')
  const cursor = await now('kept')
  // Within the window the cursor serves.
  const within = await server.sql(
    `EXPERIMENTAL CHANGEFEED FOR t WITH cursor='${cursor}', end_time='${await now('kept')}'`,
    'kept',
  )
  assert.deepEqual(within, [])
  await keep('1s')
  try {
    await until('the database is bare', 20_000, () => isBare('kept'))
    await until('the log is gone', 5000, () => (existsSync(logDir(oid)) ? undefined : true))
  } finally {
    await keep('25h')
  }
  const [identity] = await server.sql(`SELECT relreplident FROM pg_class WHERE relname = 't'`, 'kept')
  assert.equal(identity?.['relreplident'], 'd')
  await server.sql(`INSERT INTO t VALUES (2, 'nobody watched')`, 'kept')
  await assert.rejects(server.sql(`EXPERIMENTAL CHANGEFEED FOR t WITH cursor='${cursor}'`, 'kept'), {
    code: '22023',
    message: /is older than the GC threshold/,
    hint: /^use a more recent cursor, of \d{4}-\S+Z or later: the changes of a table are kept since .*; or leave cursor out/,
  })
  const rows = await server.sql(`EXPERIMENTAL CHANGEFEED FOR t WITH initial_scan='only'`, 'kept')
  assert.equal(rows.length, 2)
  assert.doesNotMatch(server.output, /changes are missing/)
})

test('a job keeps its tables, also while it is paused; statements that would take them name it', async () => {
  await fed('busy')
  const [job] = await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`, 'busy')
  const id = String(job?.['job_id'])
  await server.sql(`PAUSE JOB ${id}`)
  await until('the job is paused', 10_000, async () =>
    (await server.sql(`SELECT status FROM [SHOW JOBS] WHERE job_id = ${id}`))[0]?.['status'] === 'paused'
      ? true
      : undefined,
  )
  for (const sql of ['UNWATCH TABLE t', 'UNWATCH DATABASE', 'UNWATCH DATABASE busy'])
    await assert.rejects(server.sql(sql, 'busy'), { code: '55006', hint: `CANCEL JOBS ${id}` })
  for (const sql of ['ALTER DATABASE busy RENAME TO other', 'CREATE DATABASE copy TEMPLATE busy', 'DROP DATABASE busy'])
    await assert.rejects(server.sql(sql), { code: '55006', hint: `CANCEL JOBS ${id}` })
  await keep('1s')
  try {
    // Another database goes in the same look.
    await fed('idle')
    await until('the idle database is bare', 20_000, () => isBare('idle'))
  } finally {
    await keep('25h')
  }
  assert.equal((await server.sql(publishedSql, 'busy')).length, 1)
  await server.sql(`CANCEL JOB ${id}`)
  await until('the job is over', 10_000, async () =>
    (await server.sql(`SELECT status FROM [SHOW JOBS] WHERE job_id = ${id}`))[0]?.['status'] === 'canceled'
      ? true
      : undefined,
  )
  await server.sql('UNWATCH TABLE t', 'busy')
  await server.sql('ALTER TABLE t SET UNLOGGED', 'busy')
  assert.equal(await isBare('busy'), true)
})

test('a database that no changefeed needs can be renamed and copied, and its changes go on under its new name', async () => {
  await fed('before')
  const cursor = await now('before')
  await server.sql('CREATE DATABASE copied TEMPLATE before')
  await server.sql('ALTER DATABASE before RENAME TO behind')
  await server.sql(`INSERT INTO t VALUES (2, 'b')`, 'behind')
  const rows = await server.sql(
    `EXPERIMENTAL CHANGEFEED FOR t WITH cursor='${cursor}', end_time='${await now('behind')}'`,
    'behind',
  )
  assert.equal(rows.length, 1)
  // The copy has what its template had, and gives it up on request.
  assert.equal((await server.sql(publishedSql, 'copied')).length, 1)
  await server.sql('UNWATCH DATABASE copied')
  assert.equal(await isBare('copied'), true)
  assert.equal((await server.sql(publishedSql, 'behind')).length, 1)
})

test('a start goes on where a crash has interrupted the end of a source', async () => {
  const oid = await fed('crashed')
  await keep('0s')
  // As UNWATCH does it, up to each of its steps.
  const unwatched = unseen('ALTER PUBLICATION pg_changefeed DROP TABLE t; DELETE FROM changefeed.watched')
  const bare = `${sqlOf(['release'])}DROP EVENT TRIGGER pg_changefeed_ddl; DROP PUBLICATION pg_changefeed; DROP SCHEMA changefeed CASCADE`
  for (const steps of [unwatched, `${unwatched}; ${bare}`]) {
    await server.sql(steps, 'crashed')
    await server.kill()
    renameSync(logDir(oid), `${logDir(oid)}.retired`)
    await server.restart()
    assert.equal(await isBare('crashed'), true)
    assert.deepEqual(
      readdirSync(join(server.storeDir, 'changelog')).filter((name) => name.startsWith(oid)),
      [],
    )
    await server.sql(`EXPERIMENTAL CHANGEFEED FOR t WITH initial_scan='only'`, 'crashed')
  }
  assert.doesNotMatch(server.output, /changes are missing/)
})
