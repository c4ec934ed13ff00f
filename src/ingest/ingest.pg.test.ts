import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { LogHead } from '../changelog/files/log-head.ts'
import { compareHlc, formatHlc } from '../core/hlc.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { IngestUnderTest } from '../../test/support/ingest-under-test.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { type LogEvent } from '../../test/support/read-log.ts'
import { readLog } from '../../test/support/read-log.ts'
import { watchTables } from './watch.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

async function watched(db: TestDatabase, table: string): Promise<number> {
  await db.sql(`CREATE TABLE ${table} (id text PRIMARY KEY, filler text)`)
  return watch(db, table)
}

async function watch(db: TestDatabase, table: string): Promise<number> {
  const relid = Number((await db.sql(`SELECT '${table}'::regclass::oid`))[0]?.[0])
  await watchTables(db.source, [{ relid }])
  return relid
}

const inserted = (events: readonly LogEvent[]): string[] =>
  events.flatMap((event) => (event.tag === 'transaction' ? event.rows.map(({ first }) => first) : []))

async function ids(db: TestDatabase, table: string): Promise<string[]> {
  return (await db.sql(`SELECT id FROM ${table} ORDER BY id`)).map(([id]) => String(id))
}

/** The promises of the log's order, of its timestamps, and of every closed record in it. */
function checkOrder(events: readonly LogEvent[]): { transactions: number; closed: number } {
  let last: { ts: { wall: bigint; logical: number }; commitLsn: bigint; endLsn: bigint } | undefined
  let closed: Extract<LogEvent, { tag: 'closed' }> | undefined
  let transactions = 0
  let count = 0
  for (const event of events) {
    if (event.tag === 'gap') continue
    if (event.tag === 'transaction') {
      transactions += 1
      if (last !== undefined) {
        assert.ok(
          compareHlc(event.ts, last.ts) > 0,
          `timestamps grow: ${formatHlc(event.ts)} after ${formatHlc(last.ts)}`,
        )
        assert.ok(event.commitLsn >= last.endLsn, 'commits come in the order of the WAL')
      }
      if (closed !== undefined) {
        assert.ok(compareHlc(event.ts, closed.ts) > 0, 'nothing comes at or below a closed timestamp')
        assert.ok(event.commitLsn >= closed.lsn, 'no commit before the position of a closed record comes behind it')
      }
      last = event
    } else {
      count += 1
      if (last !== undefined) assert.ok(compareHlc(event.ts, last.ts) >= 0, 'a closed timestamp covers what came')
      if (closed !== undefined)
        assert.ok(compareHlc(event.ts, closed.ts) >= 0 && event.lsn >= closed.lsn, 'closed records grow')
      closed = event
    }
  }
  return { transactions, closed: count }
}

interface Writers extends AsyncDisposable {
  stop(): Promise<void>
}

/** Writers of all kinds on `table` until stopped: small and large transactions, savepoints, rollbacks. */
function startWriters(db: TestDatabase, table: string, count: number, seed: number): Writers {
  let isStopping = false
  const work = async (writer: number): Promise<void> => {
    let connection: RawConnection | undefined
    let state = seed * 1000 + writer
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    for (let n = 0; !isStopping; n++) {
      const id = `${seed}-${writer}-${n}`
      const insert = (suffix: string, rows = 1): string =>
        `INSERT INTO ${table} SELECT '${id}-${suffix}' || g, repeat('f', ${random(200)}) FROM generate_series(1, ${rows}) g`
      try {
        connection ??= await db.connect()
        const kind = random(20)
        if (kind === 0) await connection.query(`BEGIN; ${insert('rolled')}; ROLLBACK`)
        else if (kind === 1)
          await connection.query(
            `BEGIN; ${insert('a')}; SAVEPOINT s; ${insert('lost')}; ROLLBACK TO s; ${insert('b')}; COMMIT`,
          )
        else if (kind === 2) await connection.query(insert('many', 2000))
        else if (kind === 3) {
          await connection.query(`BEGIN; ${insert('slow')}`)
          await delay(random(40))
          await connection.query('COMMIT')
        } else await connection.query(insert('one'))
      } catch {
        // The server went away under it: whether the last one is committed is for the table to say.
        connection?.destroy()
        connection = undefined
        await delay(20)
      }
    }
    await connection?.close()
  }
  const all = Array.from({ length: count }, (_, writer) => work(writer))
  const stop = async (): Promise<void> => {
    isStopping = true
    await Promise.all(all)
  }
  return { stop, [Symbol.asyncDispose]: stop }
}

test('under concurrent writers every row comes once, in commit order, and no closed record is ever violated', async () => {
  for (const overTcp of [false, true]) {
    await using db = await server.database(overTcp)
    await using running = new IngestUnderTest(db, 0)
    await running.thread.ready
    await watched(db, 't')
    running.thread.demand(1)
    await using writers = startWriters(db, 't', 8, 1)
    const until = Date.now() + 3000
    while (Date.now() < until) {
      running.log.closeNow()
      await delay(1)
    }
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
  await delay(300)
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
  process.kill(Number(walsender?.[0]), 'SIGSTOP')
  await db.sql(`CREATE TABLE elsewhere AS SELECT repeat('x', 1000) AS v FROM generate_series(1, 150000)`)
  const written = await db.flushLsn()
  await delay(4500)
  running.streamedFrom = undefined
  process.kill(Number(walsender?.[0]), 'SIGCONT')
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
  process.kill(Number(walsender?.[0]), 'SIGSTOP')
  await db.sql(
    `DO $$ BEGIN FOR i IN 1..100 LOOP INSERT INTO t SELECT i || '-' || g, repeat('x', 1000) FROM generate_series(1, 600) g; COMMIT; END LOOP; END $$`,
  )
  await within(
    10_000,
    'the lag to be noticed',
    () => running.head.sourceLsn - running.head.endLsn > 40n * 1024n * 1024n,
  )
  await delay(3500)
  process.kill(Number(walsender?.[0]), 'SIGCONT')
  await within(30_000, 'the bulk pull', () => running.states.includes('pulling'))
  await running.caughtUp()
  await within(10_000, 'the stream again', () => running.thread.state.tag === 'streaming')
  await db.sql(`INSERT INTO t VALUES ('last')`)
  await running.caughtUp()
  const events = running.events()
  checkOrder(events)
  assert.deepEqual(inserted(events).sort(), (await ids(db, 't')).sort())
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
    await delay(400)
    const { pid } = server
    process.kill(pid, 'SIGKILL')
    await within(20_000, 'another server', () => server.pid !== pid)
    await within(20_000, 'the stream', () => running.thread.state.tag === 'streaming')
  }
  await delay(300)
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
    await within(120_000, 'the transaction', async () => {
      await delay(50)
      return BigInt((await facts()).endLsn) >= lsn
    })
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
