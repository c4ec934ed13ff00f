// Ingest of a source under load, over kills, and over what is done to its slot: nothing is lost and nothing is doubled.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { LogHead } from '../changelog/files/log-head.ts'
import { IngestUnderTest } from '../../test/support/ingest-under-test.ts'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { readLog } from '../../test/support/read-log.ts'
import { watched, inserted, ids, checkOrder, startWriters } from '../../test/support/source-writers.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

test('under concurrent writers every row comes once, in commit order, and no closed record is ever violated', async () => {
  for (const overTcp of [false, true]) {
    await using db = await server.database(overTcp)
    await using running = new IngestUnderTest(db, 0)
    await running.thread.ready
    await watched(db, 't')
    running.thread.demand(1)
    await using writers = startWriters(db, 't', 8, 1)
    let closes = 0
    await Promise.all([
      writers.committed(2000),
      within(60_000, 'a hundred closed timestamps', () => {
        running.log.closeNow()
        return ++closes > 200
      }),
    ])
    await writers.stop()
    await running.caughtUp()
    const events = running.events()
    const { transactions, closed } = checkOrder(events)
    assert.ok(transactions > 500 && closed > 50, `${transactions} transactions, ${closed} closed records`)
    assert.deepEqual(inserted(events).sort(), (await ids(db, 't')).sort())
  }
})

test('a closed timestamp follows the clock on a quiet source, and only when it is wanted', async () => {
  await using db = await server.database()
  await using running = new IngestUnderTest(db, 50)
  await running.thread.ready
  await watched(db, 't')
  await running.caughtUp()
  running.thread.demand(1)
  const from = running.head.resolvedWall
  await within(5000, 'a closed timestamp a second later', () => running.head.resolvedWall > from + 1_000_000_000n)
  running.thread.demand(-1)
  await db.sql(`INSERT INTO t VALUES ('1')`)
  await within(1000, 'the row', () => inserted(running.events()).length === 1)
  const now = BigInt(Date.now()) * 1_000_000n
  running.log.closeNow()
  await within(1000, 'what was asked for', () => running.head.resolvedWall >= now - 1_000_000n)
})

test('killed at random moments, ingest resumes with no loss and no duplicate', async () => {
  await using db = await server.database()
  {
    await using running = new IngestUnderTest(db)
    await running.thread.ready
    await watched(db, 't')
  }
  const script = fileURLToPath(new URL('../../test/support/ingest-process.ts', import.meta.url))
  await using writers = startWriters(db, 't', 4, 3)
  let state = 7
  for (let round = 0; round < 12; round++) {
    const child = fork(script, [JSON.stringify({ source: db.source, dir: db.dir })], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    // It is killed at a random moment of its work.
    await delay(150 + (state % 500))
    child.kill('SIGKILL')
    await ended
  }
  await writers.stop()
  await using running = new IngestUnderTest(db)
  await running.thread.ready
  await running.caughtUp()
  const events = running.events()
  checkOrder(events)
  assert.deepEqual(running.gaps, [])
  assert.deepEqual(inserted(events).sort(), (await ids(db, 't')).sort())
})

test('PostgreSQL killed under load: ingest tries again, and what was committed comes once', async () => {
  await using db = await server.database()
  await using running = new IngestUnderTest(db, 0)
  await running.thread.ready
  await watched(db, 't')
  running.thread.demand(1)
  await using writers = startWriters(db, 't', 4, 4)
  for (let round = 0; round < 3; round++) {
    await writers.committed(200)
    const { pid } = server
    process.kill(pid, 'SIGKILL')
    await within(20_000, 'another server', () => server.pid !== pid)
    await within(20_000, 'the stream', () => running.thread.state.tag === 'streaming')
  }
  await writers.committed(100)
  await writers.stop()
  await running.caughtUp()
  assert.ok(running.states.includes('retrying'))
  assert.deepEqual(running.gaps, [])
  const events = running.events()
  checkOrder(events)
  assert.deepEqual(inserted(events).sort(), (await ids(db, 't')).sort())
})

test('a transaction larger than memory allows passes in bounded memory', async () => {
  await using db = await server.database()
  {
    await using running = new IngestUnderTest(db)
    await running.thread.ready
    await watched(db, 't')
  }
  const script = fileURLToPath(new URL('../../test/support/ingest-process.ts', import.meta.url))
  for (const [round, before] of [true, false].entries()) {
    // Once waiting in the slot, once while it streams.
    const load = (): Promise<unknown> =>
      db.sql(`INSERT INTO t SELECT '${round}-' || g, repeat('x', 1000) FROM generate_series(1, 300000) g`)
    if (before) await load()
    const child = fork(script, [JSON.stringify({ source: db.source, dir: db.dir })], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const facts = async (): Promise<{ endLsn: string; rssKb: number }> => {
      const answer = new Promise<{ endLsn: string; rssKb: number }>((resolve) => child.once('message', resolve))
      child.send('facts')
      return answer
    }
    if (!before) {
      await within(10_000, 'ingest', async () => BigInt((await facts()).endLsn) > 0n)
      await load()
    }
    const lsn = await db.flushLsn()
    await within(120_000, 'the transaction', async () => BigInt((await facts()).endLsn) >= lsn)
    const { rssKb } = await facts()
    child.send('stop')
    await ended
    assert.ok(rssKb < 250_000, `${rssKb} KB at most`)
  }
  const head = new LogHead()
  await using running = new IngestUnderTest(db)
  await running.thread.ready
  const counts = readLog(db.dir, running.head).flatMap((event) =>
    event.tag === 'transaction' && event.rows.length > 0 ? [event.rows.length] : [],
  )
  assert.deepEqual(counts, [300_000, 300_000])
  assert.equal(head.rows, 0n)
})

test('a slot that somebody dropped or moved is a gap that is named, and ingest goes on behind it', async () => {
  await using db = await server.database()
  const spoil = [
    { sql: 'SELECT pg_drop_replication_slot(slot_name)', reason: /does not exist any more/ },
    {
      sql: 'SELECT pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn())',
      reason: /beyond the changelog's end/,
    },
  ]
  for (const [round, { sql, reason }] of spoil.entries()) {
    {
      await using running = new IngestUnderTest(db)
      await running.thread.ready
      if (round === 0) await watched(db, 't')
      await db.sql(`INSERT INTO t VALUES ('before ${round}')`)
      await running.caughtUp()
    }
    await db.sql(`INSERT INTO t VALUES ('lost ${round}')`)
    await within(
      5000,
      'the slot to be free',
      async () =>
        (await db.sql(`SELECT FROM pg_replication_slots WHERE active AND database = current_database()`)).length === 0,
    )
    await db.sql(`${sql} FROM pg_replication_slots WHERE database = current_database()`)
    await using running = new IngestUnderTest(db)
    await running.thread.ready
    await db.sql(`INSERT INTO t VALUES ('after ${round}')`)
    await running.caughtUp()
    assert.equal(running.gaps.length, 1)
    assert.match(running.gaps[0] ?? '', reason)
    const events = running.events()
    checkOrder(events)
    const gap = events.findLastIndex(({ tag }) => tag === 'gap')
    assert.match((events[gap] as { reason: string }).reason, reason)
    assert.equal(inserted(events.slice(0, gap)).at(-1), `before ${round}`)
    assert.deepEqual(inserted(events.slice(gap)), [`after ${round}`])
  }
})

test('a fast shutdown of PostgreSQL waits for nobody, also when only unwatched tables changed', async () => {
  await using db = await server.database()
  const running = new IngestUnderTest(db)
  await running.thread.ready
  await watched(db, 't')
  await db.sql(`CREATE TABLE unwatched AS SELECT g FROM generate_series(1, 100000) g; INSERT INTO t VALUES ('1')`)
  const took = await server.restart()
  assert.ok(took < 5000, `${took} ms`)
  assert.deepEqual(inserted(running.events()), ['1'])
  await running.thread.stop()
})

test('the slot moves on while only unwatched tables change', async () => {
  await using db = await server.database()
  await using running = new IngestUnderTest(db)
  await running.thread.ready
  running.thread.demand(1)
  await db.sql('CREATE TABLE unwatched AS SELECT g FROM generate_series(1, 10000) g')
  const lsn = await db.flushLsn()
  await within(10_000, 'the slot to pass it', async () => {
    const [row] = await db.sql(
      `SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE database = current_database()`,
    )
    return BigInt(row?.[0] ?? '0') >= lsn
  })
})

test('a log of another cluster is refused for good, with the folder named', async () => {
  await using db = await server.database()
  await using other = await server.database()
  {
    await using running = new IngestUnderTest(db)
    await running.thread.ready
  }
  const running = new IngestUnderTest({ ...other, dir: db.dir })
  await assert.rejects(running.thread.ready, { code: 'FEED_START', message: new RegExp(db.dir) })
  await running.thread.stop()
})
