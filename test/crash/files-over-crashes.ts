// kill -9 of a server whose changefeed writes files, at random moments: while files are written, between a file and the checkpoint, in
// the initial scan, around schema changes. The files, read in the order of their names, must be one history, and their last
// versions of the rows must be what the tables have.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { hlcOf } from '../feed/test-feed.ts'
import { TestJob } from '../feed/test-job.ts'
import { TestServer } from '../server/test-server.ts'
import { lastValues } from '../support/last-values.ts'
import { filesIn, isFolder, namesIn } from '../support/read-folder.ts'
import { until } from '../support/until.ts'
import { judgeFolder } from '../validators/folder.ts'

const kills = Number(process.env['FILE_KILLS'] ?? 4)
const tables = ['a', 'b', 'c']
const keys = 40

/** Changes rows of all tables, in transactions over two of them, until the signal. */
async function write(server: TestServer, signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted;) {
    try {
      const client = await server.connect()
      try {
        for (; !signal.aborted; n++) {
          const [one, two] = [tables[n % 3], tables[(n + 1) % 3]]
          const id = 1 + Math.floor(Math.random() * keys)
          await client.query(
            `BEGIN; INSERT INTO ${one} (id, v) VALUES (${id}, '${n}') ON CONFLICT (id) DO UPDATE SET v = '${n} ' || repeat('x', ${n % 300});
             ${n % 5 === 0 ? `DELETE FROM ${two} WHERE id = ${id}` : `UPDATE ${two} SET v = '${n}' WHERE id = ${id}`}; COMMIT`,
          )
        }
      } finally {
        await client.end().catch(() => undefined)
      }
    } catch {
      // The server is down, or the transactions of two writers wait for each other.
      await delay(20)
    }
  }
}

function sessionsIn(folder: string): number {
  const names = isFolder(folder) ? namesIn(folder) : []
  return new Set(names.flatMap((name) => /\d{33}-([0-9a-f]{16})-/.exec(name)?.[1] ?? [])).size
}

export interface KilledFiles {
  readonly server: TestServer
  /** Of the sink. */
  readonly uri: string
  /** Where the files are. */
  readonly folder: string
  readonly isCompressed: boolean
  /** Settles when a file is there of which the server knows nothing yet; undefined: that is left to chance. */
  readonly betweenFileAndCheckpoint?: () => Promise<void>
}

export async function filesOverCrashes(options: KilledFiles): Promise<void> {
  const { server, uri, folder, isCompressed, betweenFileAndCheckpoint } = options
  for (const table of tables) {
    await server.sql(`CREATE TABLE ${table} (id INT PRIMARY KEY, v STRING)`)
    await server.sql(`INSERT INTO ${table} SELECT i, 'first' FROM generate_series(1, ${keys}) AS i`)
  }
  const settings = `updated, resolved = '50ms', min_checkpoint_frequency = '50ms'${isCompressed ? ", compression = 'gzip'" : ''}`
  const [created] = await server.sql(`CREATE CHANGEFEED FOR ${tables.join(', ')} INTO '${uri}' WITH ${settings}`)
  const job = new TestJob(server, String(created?.['job_id']))
  const stop = new AbortController()
  const writers = [1, 2].map(() => write(server, stop.signal))
  for (let kill = 0; kill < kills; kill++) {
    await until('this run has written files', 60_000, () => (sessionsIn(folder) > kill ? true : undefined))
    // The kill comes at a random moment.
    await delay(Math.random() * 600)
    if (kill % 2 === 1) await server.sql(`ALTER TABLE a ADD COLUMN c${kill} INT DEFAULT ${kill}`).catch(() => undefined)
    if (kill % 2 === 0) await betweenFileAndCheckpoint?.()
    await server.kill()
    await server.restart()
  }
  await job.pause()
  await job.resume()
  await until('the last run has written files', 60_000, () => (sessionsIn(folder) > kills ? true : undefined))
  stop.abort()
  await Promise.all(writers)
  const [row] = await server.sql('SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::int8::text AS now')
  const last = BigInt(String(row?.['now']))
  await until('a RESOLVED file after the last commit', 60_000, () => {
    if (!isFolder(folder)) return undefined
    const resolved = filesIn(folder).filter(({ topic }) => topic === undefined)
    return resolved.some(({ text }) => hlcOf(text, 'resolved').wall > last) ? true : undefined
  })
  await job.cancel()
  const judged = judgeFolder(folder)
  assert.deepEqual(judged.failures, [])
  assert.ok(judged.rows > keys * tables.length && judged.resolved > kills)
  for (const table of tables) {
    const rows = await server.sql(`SELECT id, v FROM ${table}`)
    const expected = new Map(rows.map(({ id, v }) => [Number(id), String(v)] as const))
    const found = lastValues(folder, table)
    assert.deepEqual(
      [...found].sort(([a], [b]) => a - b),
      [...expected].sort(([a], [b]) => a - b),
      table,
    )
  }
}
