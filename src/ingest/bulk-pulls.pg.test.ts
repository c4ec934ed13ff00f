// What waits in the slot is pulled in bulk, and then streamed.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { IngestUnderTest } from '../../test/support/ingest-under-test.ts'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { continueProcesses, stopProcesses } from '../../test/support/stop-processes.ts'
import { within } from '../../test/support/until.ts'
import { watched, inserted, ids, checkOrder, startWriters } from '../../test/support/source-writers.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

test('what waits in the slot is pulled in bulk, then streamed, and nothing is lost or doubled on the way', async () => {
  await using db = await server.database(true)
  {
    await using running = new IngestUnderTest(db)
    await running.thread.ready
    await watched(db, 't')
    await running.caughtUp()
  }
  await db.sql(
    `DO $$ BEGIN FOR i IN 1..300 LOOP INSERT INTO t SELECT 'w' || i || '-' || g, repeat('x', 60) FROM generate_series(1, 1000) g; COMMIT; END LOOP; END $$`,
  )
  await using running = new IngestUnderTest(db)
  running.thread.demand(1)
  await using writers = startWriters(db, 't', 4, 2)
  await within(60_000, 'the stream', () => running.states.includes('streaming'))
  await writers.committed(100)
  await writers.stop()
  await running.caughtUp()
  assert.deepEqual(
    running.states.filter((state, i, all) => state !== all[i - 1]),
    ['connecting', 'pulling', 'streaming'],
  )
  const events = running.events()
  checkOrder(events)
  assert.deepEqual(inserted(events).sort(), (await ids(db, 't')).sort())
  const [slot] = await db.sql(
    `SELECT confirmed_flush_lsn > '0/0' FROM pg_replication_slots WHERE slot_name LIKE 'pg_changefeed%' AND database = current_database()`,
  )
  assert.deepEqual(slot, ['t'])
})

test('a pull that brings nothing moves the log and the slot all the same', async () => {
  await using db = await server.database()
  await using running = new IngestUnderTest(db)
  await running.thread.ready
  await watched(db, 't')
  running.thread.demand(1)
  await within(5000, 'the stream', () => running.states.includes('streaming'))
  await running.caughtUp()
  const [walsender] = await db.sql(
    `SELECT active_pid FROM pg_replication_slots WHERE slot_name LIKE 'pg_changefeed%' AND database = current_database()`,
  )
  stopProcesses([Number(walsender?.[0])])
  await db.sql(`CREATE TABLE elsewhere AS SELECT repeat('x', 1000) AS v FROM generate_series(1, 150000)`)
  const written = await db.flushLsn()
  // A stream gives way when it has been far behind for three checks, a second apart.
  await delay(4500)
  running.streamedFrom = undefined
  continueProcesses([Number(walsender?.[0])])
  await within(30_000, 'the bulk pull', () => running.states.includes('pulling'))
  await within(30_000, 'the stream again', () => running.streamedFrom !== undefined)
  assert.ok((running.streamedFrom ?? 0n) >= written, 'the stream need not decode once more what was pulled')
  await db.sql(`INSERT INTO t VALUES ('next')`)
  await running.caughtUp()
  assert.deepEqual(inserted(running.events()), ['next'])
})

test('a stream that falls far behind gives way to bulk pulls, and comes back', async () => {
  await using db = await server.database()
  await using running = new IngestUnderTest(db)
  await running.thread.ready
  await watched(db, 't')
  running.thread.demand(1)
  await within(5000, 'the stream', () => running.states.includes('streaming'))
  await running.caughtUp()
  // The walsender is held, so that the stream falls behind whatever this machine can do.
  const [walsender] = await db.sql(
    `SELECT active_pid FROM pg_replication_slots WHERE slot_name LIKE 'pg_changefeed%' AND database = current_database()`,
  )
  stopProcesses([Number(walsender?.[0])])
  await db.sql(
    `DO $$ BEGIN FOR i IN 1..100 LOOP INSERT INTO t SELECT i || '-' || g, repeat('x', 1000) FROM generate_series(1, 600) g; COMMIT; END LOOP; END $$`,
  )
  await within(
    10_000,
    'the lag to be noticed',
    () => running.head.sourceLsn - running.head.endLsn > 40n * 1024n * 1024n,
  )
  // A stream gives way when it has been far behind for three checks, a second apart.
  await delay(3500)
  continueProcesses([Number(walsender?.[0])])
  await within(30_000, 'the bulk pull', () => running.states.includes('pulling'))
  await running.caughtUp()
  await within(10_000, 'the stream again', () => running.thread.state.tag === 'streaming')
  await db.sql(`INSERT INTO t VALUES ('last')`)
  await running.caughtUp()
  const events = running.events()
  checkOrder(events)
  assert.deepEqual(inserted(events).sort(), (await ids(db, 't')).sort())
})

test('where the server has no room to collect a pull, smaller ones or the stream catch up', async () => {
  for (const limit of ['20MB', '1MB']) {
    await using db = await server.database()
    const relid = await (async (): Promise<number> => {
      await using first = new IngestUnderTest(db)
      await first.thread.ready
      return watched(db, 't')
    })()
    assert.ok(relid > 0)
    await db.sql(`ALTER DATABASE ${db.source.database} SET temp_file_limit = '${limit}'`)
    await db.sql(`ALTER DATABASE ${db.source.database} SET work_mem = '64kB'`)
    for (let i = 0; i < 20; i++)
      await db.sql(`INSERT INTO t SELECT ${i} || '-' || g, repeat('x', 1500) FROM generate_series(1, 1000) g`)
    await using second = new IngestUnderTest(db)
    await second.caughtUp()
    assert.equal(inserted(second.events()).length, 20_000, limit)
    assert.ok(second.states.includes('pulling'), limit)
    assert.ok(!second.states.includes('retrying'), limit)
  }
})

test('a character without an equivalent in Unicode is the replacement character, streamed or pulled in bulk', async () => {
  await using db = await server.database(false, 'WIN1252')
  const odd = (from: number): string =>
    `INSERT INTO t SELECT i || E'-\\xe9\\x81\\x80', repeat('x', 1500) FROM generate_series(${from}, ${from + 4}) i`
  const wanted = (from: number): string[] => Array.from({ length: 5 }, (_, i) => `${from + i}-é\ufffd€`)
  {
    await using first = new IngestUnderTest(db)
    await first.thread.ready
    await watched(db, 't')
    await within(5000, 'the stream', () => first.states.includes('streaming'))
    await db.sql(odd(0))
    await first.caughtUp()
    assert.deepEqual(inserted(first.events()), wanted(0))
    assert.ok(!first.states.includes('retrying'))
  }
  await db.sql(odd(5))
  await db.sql(`INSERT INTO t SELECT 'filler ' || g, repeat('x', 1500) FROM generate_series(1, 8000) g`)
  await db.sql(odd(10))
  await using second = new IngestUnderTest(db)
  await second.caughtUp()
  assert.ok(second.states.includes('pulling'))
  assert.ok(!second.states.includes('retrying'))
  const all = inserted(second.events())
  assert.equal(all.length, 8015)
  assert.deepEqual(
    all.filter((id) => !id.startsWith('filler')),
    [...wanted(0), ...wanted(5), ...wanted(10)],
  )
})
