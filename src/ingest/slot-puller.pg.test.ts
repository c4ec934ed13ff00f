// Ingest as a role that gets no connection for replication, and reads its slot by SQL functions: what the stream promises holds.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { following } from '../../test/support/following.ts'
import { IngestUnderTest } from '../../test/support/ingest-under-test.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { forMember, preparedDatabase, type PreparedDatabase } from '../../test/support/prepared-database.ts'
import { checkOrder, ids, inserted, startWriters, watch } from '../../test/support/source-writers.ts'
import { needsVersion } from '../../test/support/servers/server-of-tests.ts'
import { within } from '../../test/support/until.ts'
import { planRemoval } from '../server/removal.ts'
import { uninstall } from '../source-schema/uninstall.ts'
import { install } from '../source-schema/source-schema.ts'

let server: PostgresServerUnderTest
before(async () => {
  server = await PostgresServerUnderTest.start({ settings: { allow_system_table_mods: 'on' } })
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const tableSql = 'CREATE TABLE t (id text PRIMARY KEY, filler text)'
const prepared = (): Promise<PreparedDatabase> => preparedDatabase(server, tableSql, forMember('t'))

/** A superuser has installed what we need, and our role may use that, and set what a provider lets its role for it set. */
async function installed(): Promise<PreparedDatabase> {
  const db = await preparedDatabase(
    server,
    tableSql,
    (role) =>
      `ALTER ROLE ${role} NOREPLICATION; GRANT postgres TO ${role}; GRANT SET ON PARAMETER deadlock_timeout TO ${role}`,
  )
  await using owner = await db.connect()
  await install(owner)
  await watch({ ...db, source: server.source(db.name) }, 't')
  return db
}

for (const [mode, database] of Object.entries({ prepared, installed })) {
  const skip = mode === 'installed' && needsVersion(15)
  test(
    `${mode}: under concurrent writers every row comes once, in commit order, and no closed record is ever violated`,
    { skip },
    async () => {
      await using db = await database()
      await using running = new IngestUnderTest(db, 0)
      await running.thread.ready
      running.thread.demand(1)
      await using writers = startWriters(db, 't', 8, 1)
      let closes = 0
      await Promise.all([
        writers.committed(1500),
        within(60_000, 'a hundred closed timestamps', () => {
          running.log.closeNow()
          return ++closes > 100
        }),
      ])
      await writers.stop()
      await running.caughtUp()
      const events = running.events()
      const { transactions, closed } = checkOrder(events)
      assert.ok(transactions > 300 && closed > 5, `${transactions} transactions, ${closed} closed records`)
      assert.deepEqual(inserted(events).sort(), (await ids(db, 't')).sort())
      assert.deepEqual(running.gaps, [])
      const said = running.heard.flatMap((message) => (message.tag === 'warning' ? [message.why] : []))
      const role = mode === 'prepared' ? `${db.role}_may` : 'postgres'
      assert.deepEqual(said, [
        `role ${db.role} gets no connection for replication, so changes are read by SQL functions after SET ROLE ${role}: they come later, and cost PostgreSQL more`,
      ])
      const walsenders = await db.sql(`SELECT FROM pg_stat_replication`)
      assert.deepEqual(walsenders, [])
    },
  )
}

test('killed at random moments, ingest resumes with no loss and no duplicate', async () => {
  await using db = await prepared()
  {
    await using running = new IngestUnderTest(db)
    await running.thread.ready
    await db.sql(`INSERT INTO t VALUES ('first')`)
    await running.caughtUp()
  }
  await using writers = startWriters(db, 't', 4, 3)
  const script = fileURLToPath(new URL('../../test/support/ingest-process.ts', import.meta.url))
  for (let round = 0; round < 10; round++) {
    const child = fork(script, [JSON.stringify({ source: db.source, dir: db.dir })], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // It is killed at a random moment of its work.
    await delay(400 + Math.random() * 900)
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
  await using db = await prepared()
  await using running = new IngestUnderTest(db, 0)
  await running.thread.ready
  running.thread.demand(1)
  await using writers = startWriters(db, 't', 4, 4)
  for (let round = 0; round < 3; round++) {
    await writers.committed(200)
    await server.kill()
    await server.startAfterKill()
    await within(20_000, 'the pulls', () => running.thread.state.tag === 'streaming')
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

test('while nothing is committed the clock is followed, and neither WAL nor the id of a transaction is spent', async () => {
  await using db = await prepared()
  await using running = new IngestUnderTest(db, 50)
  await running.thread.ready
  await running.caughtUp()
  running.thread.demand(1)
  const spent = (): Promise<unknown> =>
    db.sql('SELECT pg_snapshot_xmax(pg_current_snapshot()), pg_current_wal_insert_lsn()')
  // The end of a checkpoint, or a record of the running transactions, may still follow what came before.
  let before = await spent()
  await within(30_000, 'a quiet second', async () => {
    const from = running.head.resolvedWall
    await within(5000, 'a closed timestamp a second later', () => running.head.resolvedWall > from + 1_000_000_000n)
    const then = before
    before = await spent()
    return JSON.stringify(then) === JSON.stringify(before)
  })
})

const undecodable = `INSERT INTO broken SELECT 'never', v FROM kept`

/** When the label 'bad' is gone from the catalogue, `undecodable` writes a row that PostgreSQL cannot decode. */
function withBroken(): Promise<PreparedDatabase> {
  return preparedDatabase(
    server,
    `${tableSql}; CREATE TYPE e AS ENUM ('good', 'bad'); CREATE TABLE kept (v e); INSERT INTO kept VALUES ('bad'); CREATE TABLE broken (id text PRIMARY KEY, v e)`,
    forMember('t, broken'),
  )
}

test('a transaction that PostgreSQL cannot decode is a gap, and those before it in the same pull come', async () => {
  await using db = await withBroken()
  await using all = await following(db)
  await db.sql(`INSERT INTO t VALUES ('before')`)
  await all.story()
  await db.sql(`DELETE FROM pg_enum WHERE enumlabel = 'bad' AND enumtypid = 'e'::regtype`)
  await db.sql(`INSERT INTO t VALUES ('between')`)
  await db.sql(undecodable)
  assert.match(await all.gap(), /PostgreSQL cannot decode .*invalid internal value for enum/)
  await db.sql(`INSERT INTO t VALUES ('after')`)
  assert.deepEqual(await all.story(), ['before', 'between', 'gap', 'after'])
})

/** Ingest ends with transactions in the log that the slot sends once more. */
async function logAheadOfSlot(db: PreparedDatabase): Promise<void> {
  await using all = await following(db)
  await db.sql(`INSERT INTO t VALUES ('first')`)
  await all.story()
  // The slot is moved once a second, so it does not pass these.
  await db.sql(`INSERT INTO t VALUES ('second')`)
  await db.sql(`INSERT INTO t VALUES ('third')`)
  await all.story()
}

test('the same when it follows transactions of the log that the slot sends once more after a restart', async () => {
  await using db = await withBroken()
  await db.sql(`DELETE FROM pg_enum WHERE enumlabel = 'bad' AND enumtypid = 'e'::regtype`)
  await logAheadOfSlot(db)
  await db.sql(`INSERT INTO t VALUES ('between')`)
  await db.sql(undecodable)
  await using all = await following(db)
  assert.match(await all.gap(), /PostgreSQL cannot decode .*invalid internal value for enum/)
  await db.sql(`INSERT INTO t VALUES ('after')`)
  assert.deepEqual((await all.story()).slice(-3), ['between', 'gap', 'after'])
})

test('the same when it is the first transaction behind the log', async () => {
  await using db = await withBroken()
  await db.sql(`DELETE FROM pg_enum WHERE enumlabel = 'bad' AND enumtypid = 'e'::regtype`)
  await logAheadOfSlot(db)
  await db.sql(undecodable)
  await using all = await following(db)
  assert.match(await all.gap(), /PostgreSQL cannot decode .*invalid internal value for enum/)
  await db.sql(`INSERT INTO t VALUES ('after')`)
  assert.deepEqual((await all.story()).slice(-2), ['gap', 'after'])
})

test('a slot that somebody dropped or moved is a gap that is named, and ingest goes on behind it', async () => {
  await using db = await prepared()
  for (const [sql, reason] of [
    ['SELECT pg_drop_replication_slot(slot_name)', /does not exist any more/],
    [
      'SELECT pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn())',
      /recreated or advanced by somebody else/,
    ],
  ] as const) {
    {
      await using all = await following(db)
      await all.caughtUp()
    }
    await db.sql(`INSERT INTO t VALUES (gen_random_uuid())`)
    await db.sql(`${sql} FROM pg_replication_slots WHERE database = current_database()`)
    await using all = await following(db)
    assert.match(await all.gap(), reason)
    await db.sql(`INSERT INTO t VALUES ('after ${reason.source}')`)
    assert.equal((await all.story()).at(-1), `after ${reason.source}`)
  }
})

test('uninstall finds who reads the slot also between two pulls, and then removes it as the role that made it', async () => {
  await using db = await prepared()
  {
    await using all = await following(db)
    await all.caughtUp()
    // Between two pulls nobody holds the slot, and it is needed all the same.
    for (let times = 0; times < 20; times++) {
      const { needed } = await planRemoval({ source: db.source, state: db.source })
      assert.match(
        needed.join(),
        /a server reads its slot "pg_changefeed_\d+": process \d+ of user .* \(pg-changefeed ingest\)/,
      )
    }
  }
  const slots = (): Promise<unknown[]> => db.sql(`SELECT FROM pg_replication_slots WHERE database = current_database()`)
  assert.equal((await slots()).length, 1)
  assert.equal(await uninstall(db.source), true)
  assert.equal((await slots()).length, 0)
})

const moves = {
  advanced: `SELECT pg_replication_slot_advance('{slot}', pg_current_wal_insert_lsn())`,
  recreated: `SELECT pg_drop_replication_slot('{slot}'); SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')`,
}
for (const [how, move] of Object.entries(moves)) {
  for (const isLater of [false, true]) {
    const when = isLater ? 'before more rows come' : 'and nothing comes after that'
    test(`a slot that somebody else has ${how} between two pulls, ${when}: the rows are missing, and a gap says so`, async () => {
      await using db = await prepared()
      await using running = new IngestUnderTest(db, 0)
      await running.thread.ready
      running.thread.demand(1)
      await db.sql(`INSERT INTO t VALUES ('first')`)
      await running.caughtUp()
      const [slot] = await db.sql(`SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`)
      // A pull may have the slot at that moment; then it is tried again, with another row.
      await within(20_000, 'the slot between two pulls', async () => {
        const text = `BEGIN; INSERT INTO t VALUES ('missed ' || clock_timestamp()); COMMIT; ${move.replaceAll('{slot}', slot?.[0] ?? '')}`
        return await db.sql(text).then(
          () => true,
          () => false,
        )
      })
      if (isLater) await db.sql(`INSERT INTO t VALUES ('later')`)
      await running.caughtUp()
      const events = running.events()
      assert.ok(inserted(events).length < (await ids(db, 't')).length)
      assert.ok(events.some(({ tag }) => tag === 'gap'))
      // The thread says it when the log has it.
      await within(10_000, 'the gap to be said', () => running.gaps.length > 0)
      assert.match(running.gaps.join(), /^replication slot .* was recreated or advanced by somebody else/)
    })
  }
}
