// Random writers, random disturbances, random options; then what came is held against an independent reading of the WAL.
// NEMESIS_SEEDS says how many runs there are.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { compareHlc, zeroHlc } from '../../src/core/hlc.ts'
import { History } from '../history/history.ts'
import { ReferenceSlot } from '../history/reference-slot.ts'
import { tagTable } from '../history/transaction-times.ts'
import { TestServer, until } from '../server/test-server.ts'
import { judge } from './judge.ts'
import { createMirror, Mirror, mirrorTable } from './mirror.ts'
import { optionsOf } from './options.ts'
import { Random } from './random.ts'
import { Reader } from './reader.ts'
import { changeSetting, resetSettings } from './settings.ts'
import { createTables, Workload } from './workload.ts'

const seeds = Number(process.env['NEMESIS_SEEDS'] ?? 3)
const writers = 4
const disturbances = 25

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

for (let seed = 1; seed <= seeds; seed++) {
  test(`a feed tells what happened, all of it and in order (seed ${seed})`, { timeout: 180_000 }, () => run(seed))
}

async function run(seed: number): Promise<void> {
  const random = new Random(seed)
  const database = `nemesis_${seed}`
  await server.sql(`CREATE DATABASE ${database}`)
  // Deadlocks are part of the plan; waiting for them is not.
  await server.sql(`ALTER DATABASE ${database} SET deadlock_timeout = '10ms'`)
  await server.sql(`${createTables}; ${createMirror}`, database)
  const history = new History({ foo: ['id'], [tagTable]: ['n'] })
  await using reference = await ReferenceSlot.create(() => server.connect(database), history)
  const workload = new Workload(server, database)
  const mirror = new Mirror(server, database)
  const stop = new AbortController()
  const writing = Array.from({ length: writers }, (_, i) => workload.write(new Random(seed * 1000 + i), stop.signal))
  await delay(100 + random.int(400))

  const has = optionsOf(seed)
  const options = ['updated', `resolved`, ...Object.entries(has).flatMap(([name, isOn]) => (isOn ? [name] : []))]
  const reader = new Reader({
    server,
    database,
    statement: `EXPERIMENTAL CHANGEFEED FOR foo, ${tagTable}, ${mirrorTable} WITH ${options.join(', ')}`,
  })
  const reading = reader.read()
  reading.catch(() => undefined)
  try {
    const scanned = until('the initial scan is over', 30_000, () => (reader.resolved === zeroHlc ? undefined : true))
    await Promise.race([reading, scanned])
    writing.push(mirror.write(new Random(seed * 1000 + writers), stop.signal))
    await disturb(random, reader, database)
  } finally {
    stop.abort()
    await Promise.all(writing)
  }
  await server.sql(resetSettings({ database, role: 'root' }))
  const { rows } = await lastTag(database, workload)
  await Promise.race([
    reading,
    until('everything has come', 60_000, () =>
      reader.rows().some(({ topic, key }) => topic.endsWith(tagTable) && key === `[${rows}]`) ? true : undefined,
    ),
  ])
  const end = reader.rows().at(-1)?.updated ?? zeroHlc
  await Promise.race([
    reading,
    until('it is resolved', 30_000, () => (compareHlc(reader.resolved, end) >= 0 ? true : undefined)),
  ])
  reader.stop()
  await reading
  await reference.catchUp()

  const verdict = judge(history, reader, { database, ...has })
  const summary = `${options.join(', ')}; ${workload.committed} transactions, opened ${reader.opened} times, ${verdict.summary}`
  assert.deepEqual([...verdict.failures, ...mirror.judge(reader.rows())].slice(0, 20), [], summary)
  mirror.assertUsed()
  assert.ok(workload.committed > 100, summary)
  assert.ok(verdict.streamed > 50, summary)
}

/** A last transaction, behind which nothing is under way. */
async function lastTag(database: string, workload: Workload): Promise<{ readonly rows: number }> {
  const tag = 1_000_000 + workload.committed
  await server.sql(`INSERT INTO ${tagTable} VALUES (${tag})`, database)
  return { rows: tag }
}

async function disturb(random: Random, reader: Reader, database: string): Promise<void> {
  // A name is never used again: the same name may not mean the same column.
  let made = 0
  const columns: string[] = []
  const added = (): string => {
    columns.push(`test${++made}`)
    return `test${made}`
  }
  const admin = await server.connect(database)
  const run = (sql: string): Promise<unknown> => admin.query(sql).catch(() => undefined)
  // A lock that waits behind the writers must not hold them up for long.
  await run(`SET lock_timeout = '100ms'`)
  const events: (readonly [number, () => unknown])[] = [
    [5, () => reader.leave()],
    [3, () => run(`ALTER TABLE foo ADD COLUMN ${added()} STRING DEFAULT 'x'`)],
    [2, () => run(`ALTER TABLE foo DROP COLUMN IF EXISTS ${columns.pop() ?? 'none'}`)],
    [1, () => run(`ALTER TABLE foo ADD COLUMN ${added()} INT`)],
    [
      2,
      () =>
        run(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'UPSERT%' OR query LIKE 'INSERT INTO foo%' LIMIT 1`,
        ),
    ],
    [
      2,
      () =>
        run(
          `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database() AND active`,
        ),
    ],
    [2, () => run(changeSetting(random, { database, role: 'root', isJob: false }))],
    [1, () => run('CHECKPOINT')],
    [1, () => run('VACUUM foo')],
  ]
  for (let i = 0; i < disturbances; i++) {
    await delay(50 + random.int(150))
    await random.pick(events)()
  }
  await admin.end()
}
