// The cut of a scan where our role gets no connection for replication: a row is in the scan or behind it in the log, never in both
// and never in neither, while commits become visible in another order than the WAL has them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { IngestUnderTest } from '../../../test/support/ingest-under-test.ts'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { forMember, preparedDatabase, type PreparedDatabase } from '../../../test/support/prepared-database.ts'
import { within } from '../../../test/support/until.ts'
import { compareHlc } from '../../core/hlc.ts'
import { openCut, type CutOptions } from '../../scan/cut.ts'
import type { BeginWindow } from '../../scan/seen-snapshot.ts'
import { findCut } from './find-cut.ts'
import { windowsOf } from './place-snapshot.ts'

/** A commit that waits for the disk takes long, and one that does not wait is visible at once: they overtake each other. */
const overtaking = { fsync: 'on', commit_delay: '4000', commit_siblings: '1', wal_writer_delay: '20ms' }
const rounds = Number(process.env['CHANGEFEED_TEST_CUTS'] ?? 12)

test('a scan beside sixteen writers has exactly the rows that were committed before its position', async () => {
  await using server = await PostgresServerUnderTest.start({ settings: overtaking })
  await using db = await preparedDatabase(server, 'CREATE TABLE t (id text PRIMARY KEY)', forMember('t'))
  await using running = new IngestUnderTest(db, 20)
  await running.thread.ready
  running.thread.demand(1)
  const { log } = running
  await using writers = startWriters(db)
  const counted = counting(windowsOf(log, AbortSignal.timeout(500_000)))
  let rows = 0
  for (let round = 0; round < rounds; round++) {
    const from = log.status.head
    await using cut = await openCut({ ...(await optionsFor(db)), beginWindow: counted.beginWindow })
    const time = await findCut({ log, from, point: cut.point, signal: AbortSignal.timeout(60_000) })
    const scanned = ((await cut.readers[0]?.query('SELECT id FROM public.t ORDER BY id')) ?? []).map(([id]) =>
      String(id),
    )
    const logged = running.events().flatMap((event) => {
      if (event.tag !== 'transaction') return []
      const isBefore = compareHlc(event.ts, time) <= 0
      assert.equal(isBefore, event.commitLsn < cut.point)
      return isBefore ? event.rows.map(({ first }) => first) : []
    })
    assert.deepEqual(scanned, logged.sort())
    rows = scanned.length
  }
  await writers[Symbol.asyncDispose]()
  assert.deepEqual(running.gaps, [])
  const { windows, refused } = counted
  console.log(
    `${rounds} cuts, ${rows} rows, ${windows()} windows, of which ${refused()} had no snapshot that belongs to a position`,
  )
  assert.ok(rows > 100)
})

test('a cut waits for transactions that have written, also prepared ones, says for which, and can be given up', async () => {
  await using server = await PostgresServerUnderTest.start()
  await using db = await preparedDatabase(server, 'CREATE TABLE t (id text PRIMARY KEY)', forMember('t'))
  await using running = new IngestUnderTest(db, 20)
  await running.thread.ready
  running.thread.demand(1)
  const writer = await db.connect()
  await writer.query(`BEGIN; INSERT INTO t VALUES ('open')`)
  await db.sql(`BEGIN; INSERT INTO t VALUES ('prepared'); PREPARE TRANSACTION 'p'`)
  const heard: string[] = []
  const abort = new AbortController()
  const open = async (signal: AbortSignal): Promise<string[]> => {
    const waiting = (why: string): void => void heard.push(why)
    await using cut = await openCut({
      ...(await optionsFor(db)),
      signal,
      waiting,
      beginWindow: windowsOf(running.log, signal),
    })
    return ((await cut.readers[0]?.query('SELECT id FROM public.t ORDER BY id')) ?? []).map(([id]) => String(id))
  }
  const givenUp = open(abort.signal)
  const opened = open(AbortSignal.timeout(60_000))
  await within(20_000, 'what it waits for', () => heard.length >= 2)
  const who = new RegExp(
    `^waiting for transactions that have written: process ${writer.backendPid} of user "postgres" in database "${db.name}"; a prepared transaction$`,
  )
  assert.match(heard[0] ?? '', who)
  abort.abort(new Error('given up'))
  await assert.rejects(givenUp, { message: 'given up' })
  await writer.query('COMMIT')
  await db.sql(`COMMIT PREPARED 'p'`)
  assert.deepEqual(await opened, ['open', 'prepared'])
  await writer.close()
})

async function optionsFor(db: PreparedDatabase): Promise<CutOptions> {
  const [row] = await db.sql(`SELECT 'public.t'::regclass::oid`)
  const targets = [{ relid: Number(row?.[0]), tableName: 't' }]
  return { source: db.source, targets, connections: 1, signal: AbortSignal.timeout(60_000), isPatient: true }
}

function counting(begin: BeginWindow): {
  readonly beginWindow: BeginWindow
  readonly windows: () => number
  readonly refused: () => number
} {
  let windows = 0
  let refused = 0
  const beginWindow: BeginWindow = () => {
    const place = begin()
    windows += 1
    return async (window) => {
      const placed = await place(window)
      if (placed === undefined) refused += 1
      return placed
    }
  }
  return { beginWindow, windows: () => windows, refused: () => refused }
}

/** Half of them wait for the disk; transactions have savepoints, take a while, or are rolled back. */
function startWriters(db: PreparedDatabase): AsyncDisposable {
  let isStopping = false
  const write = async (writer: number): Promise<void> => {
    const connection = await db.connect()
    if (writer % 2 === 0) await connection.query('SET synchronous_commit = off')
    for (let n = 0; !isStopping; n++) {
      const insert = (part: string): string => `INSERT INTO t VALUES ('${writer}-${n}-${part}')`
      if (n % 7 === 0) await connection.query(`BEGIN; ${insert('a')}; SAVEPOINT s; ${insert('b')}; COMMIT`)
      else if (n % 11 === 0) await connection.query(`BEGIN; ${insert('a')}; ROLLBACK`)
      else await connection.query(insert('a'))
      // Others get their turn on the machine of the test.
      await delay(5)
    }
    await connection.close()
  }
  const all = Array.from({ length: 16 }, (_, writer) => write(writer))
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      isStopping = true
      await Promise.all(all)
    },
  }
}
