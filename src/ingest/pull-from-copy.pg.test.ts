// A long backlog is pulled from a temporary copy of the slot.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { IngestUnderTest } from '../../test/support/ingest-under-test.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { checkOrder, ids, inserted, watched } from '../../test/support/source-writers.ts'
import { until, within } from '../../test/support/until.ts'
import { recoverLog } from '../changelog/files/recover.ts'
import { formatLsn, parseLsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import { copySlot, mayPullFromCopy, type PullConnections } from './slot-copy.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

interface Slot {
  readonly name: string
  readonly isTemporary: boolean
  readonly confirmed: bigint
}

async function slotsOf(db: TestDatabase): Promise<Slot[]> {
  const rows = await db.sql(
    `SELECT slot_name, temporary, confirmed_flush_lsn FROM pg_replication_slots WHERE database = current_database()`,
  )
  return rows.map(([name, temporary, confirmed]) => ({
    name: name ?? '',
    isTemporary: temporary === 't',
    confirmed: parseLsn(confirmed ?? '0/0'),
  }))
}

/** Opens a database whose slot has a table's rows waiting in it: far more than a pull from the slot itself brings. */
async function withBacklog(db: TestDatabase): Promise<void> {
  {
    await using running = new IngestUnderTest(db)
    await running.thread.ready
    await watched(db, 't')
    await running.caughtUp()
  }
  await db.sql(
    `DO $$ BEGIN FOR i IN 1..300 LOOP INSERT INTO t SELECT 'w' || i || '-' || g, repeat('x', 60) FROM generate_series(1, 1000) g; COMMIT; END LOOP; END $$`,
  )
}

test('when the copy is lost in the middle nothing is lost or doubled, the slot never passes the log, and no copy remains', async () => {
  await using db = await server.database(true)
  await withBacklog(db)
  await using running = new IngestUnderTest(db)
  running.thread.demand(1)
  let lost = 0
  await until('the stream', 120_000, async () => {
    // Asked before the log is: it only grows.
    const slots = await slotsOf(db)
    const durable = running.head.endLsn
    const ours = slots.find(({ isTemporary }) => !isTemporary)
    assert.ok(ours !== undefined)
    // Zero: the log is not open yet.
    if (durable > 0n) assert.ok(ours.confirmed <= durable, `${formatLsn(ours.confirmed)} of ${formatLsn(durable)}`)
    const copy = slots.find(({ isTemporary }) => isTemporary)
    if (copy !== undefined && lost < 2 && durable > 0n) {
      const [ended] = await db.sql(
        `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${copy.name}'`,
      )
      if (ended?.[0] === 't') lost += 1
    }
    return running.states.includes('streaming') ? true : undefined
  })
  assert.ok(lost > 0, 'there was a copy')
  assert.ok(running.states.includes('retrying'))
  await running.caughtUp()
  const events = running.events()
  checkOrder(events)
  assert.deepEqual(inserted(events).sort(), (await ids(db, 't')).sort())
  assert.deepEqual(running.gaps, [])
  const slots = await slotsOf(db)
  assert.deepEqual(
    slots.map(({ isTemporary }) => isTemporary),
    [false],
  )
})

test('a backlog that comes from a copy moves the slot to the end of the log, and the copy is gone before the stream begins', async () => {
  await using db = await server.database(true)
  await withBacklog(db)
  const written = await db.flushLsn()
  await using running = new IngestUnderTest(db)
  running.thread.demand(1)
  let copies = 0
  await until('the stream', 120_000, async () => {
    const isStreaming = running.states.includes('streaming')
    const slots = await slotsOf(db)
    if (!isStreaming) copies += slots.length - 1
    else assert.equal(slots.length, 1)
    return isStreaming ? true : undefined
  })
  assert.ok(copies > 0, 'there was a copy')
  await running.caughtUp()
  assert.ok(!running.states.includes('retrying'))
  assert.equal(new Set(inserted(running.events())).size, 300_000)
  await within(10_000, 'the slot to be moved', async () =>
    (await slotsOf(db)).every(({ confirmed }) => confirmed >= written),
  )
})

test('killed while it pulls from a copy, ingest resumes with no loss and no duplicate, and no copy remains', async () => {
  await using db = await server.database()
  await withBacklog(db)
  const hasCopy = async (): Promise<boolean> => (await slotsOf(db)).some(({ isTemporary }) => isTemporary)
  const script = fileURLToPath(new URL('../../test/support/ingest-process.ts', import.meta.url))
  const child = fork(script, [JSON.stringify({ source: db.source, dir: db.dir })], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  await until('a copy', 60_000, async () => ((await hasCopy()) ? true : undefined))
  // It is killed at a moment of its work.
  await delay(50)
  assert.ok(await hasCopy(), 'it is killed with a copy')
  child.kill('SIGKILL')
  await ended
  await within(30_000, 'the copy to go', async () => !(await hasCopy()))
  const [ours] = await slotsOf(db)
  const { endLsn } = recoverLog(db.dir)
  assert.ok(
    ours !== undefined && ours.confirmed <= endLsn,
    `${formatLsn(ours?.confirmed ?? 0n)} of ${formatLsn(endLsn)}`,
  )
  await using running = new IngestUnderTest(db)
  await running.thread.ready
  await running.caughtUp()
  const events = running.events()
  checkOrder(events)
  assert.deepEqual(running.gaps, [])
  assert.deepEqual(inserted(events).sort(), (await ids(db, 't')).sort())
})

function connectionsTo(db: TestDatabase): PullConnections & { readonly closed: RawConnection[] } {
  const closed: RawConnection[] = []
  return {
    closed,
    open: () => openRawConnection({ source: db.source }),
    close: async (connection) => {
      closed.push(connection)
      await connection.close()
    },
  }
}

test('there is no copy where standbys must have the changes first, where no slot is free, or where the role may not make one', async () => {
  await using db = await server.database()
  {
    await using running = new IngestUnderTest(db)
    await running.thread.ready
  }
  const [slot] = await slotsOf(db)
  assert.ok(slot !== undefined)
  const connections = connectionsTo(db)
  {
    const copy = await copySlot(slot.name, connections)
    assert.ok(copy !== undefined)
    assert.equal((await slotsOf(db)).length, 2)
    await copy[Symbol.asyncDispose]()
    assert.equal((await slotsOf(db)).length, 1)
  }
  const control = await openRawConnection({ source: db.source })
  try {
    assert.equal(await mayPullFromCopy(control, slot.name, slot.confirmed), 'yes')
    assert.equal(await mayPullFromCopy(control, slot.name, slot.confirmed - 1n), 'moved')
    assert.equal(await mayPullFromCopy(control, 'nobody', slot.confirmed), 'moved')

    const role = `poor_${db.source.database}`
    await control.query(`CREATE ROLE "${role}" LOGIN`)
    const asPoor: PullConnections = {
      ...connections,
      open: async () => {
        const connection = await connections.open()
        await connection.query(`SET SESSION AUTHORIZATION "${role}"`)
        return connection
      },
    }
    connections.closed.length = 0
    assert.equal(await copySlot(slot.name, asPoor), undefined)
    assert.equal(connections.closed.length, 1)
    await control.query(`DROP ROLE "${role}"`)
    const full: PullConnections = {
      ...connections,
      open: () => Promise.reject(new FeedError('FEED_SOURCE_REFUSED', 'full', { sqlstate: '53300' })),
    }
    assert.equal(await copySlot(slot.name, full), undefined)

    const [version] = await control.query(`SELECT current_setting('server_version_num')::int >= 170000`)
    if (version?.[0] !== 't') return
    await control.query(`ALTER SYSTEM SET synchronized_standby_slots = 'a_standby'`)
    try {
      await control.query('SELECT pg_reload_conf()')
      await within(10_000, 'the setting', async () => {
        return (await mayPullFromCopy(control, slot.name, slot.confirmed)) === 'no'
      })
      assert.equal(await copySlot(slot.name, connections), undefined)
    } finally {
      await control.query('ALTER SYSTEM RESET synchronized_standby_slots')
      await control.query('SELECT pg_reload_conf()')
    }
    assert.equal((await slotsOf(db)).length, 1)
  } finally {
    await control.close()
  }
})
