// kill -9 of a server while several threads encode the rows of an initial scan: the rows that the files of all runs have together are
// those of the table, and read in the order of their names the files are one history.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { TestServer } from '../server/test-server.ts'
import { lastValues } from '../support/last-values.ts'
import { isFolder, namesIn } from '../support/read-folder.ts'
import { until } from '../support/until.ts'
import { judgeFolder } from '../validators/folder.ts'

const kills = Number(process.env['FILE_KILLS'] ?? 4)
const rows = 150_000

/** Changes rows anywhere in the table until the signal. */
async function write(server: TestServer, signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    const id = 1 + Math.floor(Math.random() * rows)
    const change = n % 5 === 0 ? `DELETE FROM t WHERE id = ${id}` : `UPDATE t SET v = 'now ${n}' WHERE id = ${id}`
    // The server is down for a moment after each kill.
    await server.sql(change).catch(() => delay(20))
  }
}

test('killed in the middle of a split scan, no row is missing', { timeout: 600_000 }, async (t) => {
  const { env } = process
  Object.assign(env, { CHANGEFEED_TEST_SPLIT_SCANS: '1' })
  t.after(() => delete env['CHANGEFEED_TEST_SPLIT_SCANS'])
  await using server = await TestServer.start({ flags: ['--log-level=info'] })
  const folder = join(server.storeDir, 'extern/f')
  const filesSoFar = (): number => (isFolder(folder) ? namesIn(folder).length : 0)
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY, v TEXT)')
  await server.sql(`INSERT INTO t SELECT i, repeat('x', i % 300) FROM generate_series(1, ${rows}) AS i`)
  const [created] = await server.sql(
    `CREATE CHANGEFEED FOR t INTO 'nodelocal://1/f?file_size=100KB' WITH updated, resolved = '50ms', min_checkpoint_frequency = '50ms'`,
  )
  const stop = new AbortController()
  const writing = write(server, stop.signal)
  const isScanning = (): boolean => namesIn(folder).every((name) => !name.endsWith('.RESOLVED'))
  let inTheScan = 0
  for (let kill = 0; kill < kills; kill++) {
    const before = filesSoFar()
    await until('this run has written files', 90_000, () => (filesSoFar() > before ? true : undefined))
    // The kill comes at a random moment.
    await delay(Math.random() * 100)
    if (isScanning()) inTheScan += 1
    await server.kill()
    await server.restart()
  }
  assert.ok(inTheScan > 0, 'a kill came during the scan')
  stop.abort()
  await writing
  const [now] = await server.sql('SELECT (extract(epoch FROM clock_timestamp()) * 1e9)::int8::text AS now')
  const last = BigInt(String(now?.['now']))
  await until('the high-water timestamp is past the last commit', 120_000, async () => {
    const sql = `SELECT 1 FROM crdb_internal.jobs WHERE job_id = ${String(created?.['job_id'])} AND high_water_timestamp > ${last}`
    return (await server.sql(sql)).length > 0 ? true : undefined
  })
  await server.sql(`CANCEL JOB ${String(created?.['job_id'])}`)
  const log = readFileSync(join(server.storeDir, 'logs', 'changefeed.log'), 'utf8')
  assert.match(log, /are encoded in [2-9]\d* threads/)
  assert.deepEqual(judgeFolder(folder).failures, [])
  const found = lastValues(folder, 't')
  const expected = await server.sql('SELECT id, v FROM t')
  assert.equal(found.size, expected.length)
  for (const { id, v } of expected) assert.equal(found.get(Number(id)), v, `row ${String(id)}`)
})
