// A standby is promoted while ingest reads the primary: from PostgreSQL 17 on the slot is there, and reading continues without a
// gap if the standby had everything that was read. Where it had not, or where there is no slot, that is a gap that is named.

import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { Following } from '../../test/support/following.ts'
import { forMember } from '../../test/support/prepared-database.ts'
import { superuser } from '../../test/support/servers/data-folder.ts'
import { removeStore } from '../../test/support/kept-stores.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { skipVersion } from '../../test/support/servers/postgres-versions.ts'
import type { TestDatabase } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import { watch } from '../../test/support/source-writers.ts'
import { formatLsn, parseLsn } from '../core/lsn.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'

const slotSettings = { hot_standby_feedback: 'on' }
const slotOfStandby = 'standby'

/** A database that is reached at whichever of two servers is the primary. */
function onPrimaryOf(
  first: PostgresServerUnderTest,
  second: PostgresServerUnderTest,
  user: string = superuser,
): TestDatabase {
  const source = {
    ...first.source('postgres'),
    socketDir: undefined,
    otherHosts: [{ host: '127.0.0.1', port: second.port }],
    targetSessionAttrs: 'read-write',
  } as const
  const dir = mkdtempSync(join(tmpdir(), 'fail-over-'))
  const connect = (): ReturnType<typeof openRawConnection> =>
    openRawConnection({ source: { ...source, user: superuser }, parameters: {} })
  const sql: TestDatabase['sql'] = async (text) => {
    await using connection = await connect()
    return await connection.query(text)
  }
  return {
    source: { ...source, user },
    dir,
    connect,
    sql,
    flushLsn: async () => parseLsn((await sql('SELECT pg_current_wal_flush_lsn()'))[0]?.[0] ?? ''),
    [Symbol.asyncDispose]: async () => removeStore(dir),
  }
}

/** A row, and what lets slots move on; PostgreSQL writes that by itself only every 15 seconds. */
const writeSql = (n: number): string => `INSERT INTO t VALUES ('${n}'); SELECT pg_log_standby_snapshot()`

/** The slot on the standby is one that reading can continue from. */
async function slotIsSynced(standby: PostgresServerUnderTest): Promise<void> {
  // Not before: where there is no slot yet, PostgreSQL looks for one less and less often.
  standby.configure({ sync_replication_slots: 'on' })
  await standby.sql('SELECT pg_reload_conf()')
  await within(120_000, 'the standby to have the slot', async () => {
    const [row] = await standby.sql(
      `SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'pg_changefeed_%' AND synced AND NOT temporary`,
    )
    return row?.[0] === '1'
  })
}

test(
  'after the promotion of a standby that has everything, reading continues there without a gap',
  { skip: skipVersion(17) },
  async () => {
    await using primary = await PostgresServerUnderTest.start({ version: 17 })
    await using standby = await primary.standby(slotOfStandby, slotSettings)
    await primary.sql(`ALTER SYSTEM SET synchronized_standby_slots = '${slotOfStandby}'`)
    await primary.sql('SELECT pg_reload_conf()')
    await using db = onPrimaryOf(primary, standby)
    await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
    await using all = new Following(db)
    await all.thread.ready
    await watch(db, 't')
    const [slot] = await db.sql(`SELECT failover FROM pg_replication_slots WHERE slot_name LIKE 'pg_changefeed_%'`)
    assert.deepEqual(slot, ['t'])
    let n = 0
    const writing = setInterval(() => void db.sql(writeSql(++n)).catch(() => undefined), 200)
    try {
      await slotIsSynced(standby)
    } finally {
      clearInterval(writing)
    }
    await db.sql(`INSERT INTO t VALUES ('last')`)
    await all.caughtUp()
    await primary.reached(standby)
    await primary.stop('immediate')
    await standby.promote()
    await db.sql(`INSERT INTO t VALUES ('after')`)
    const story = await all.story()
    assert.deepEqual(all.gaps, [])
    const rows = (await db.sql('SELECT id FROM t')).map(([id]) => id)
    assert.deepEqual(new Set(story), new Set(rows))
    assert.equal(story.at(-1), 'after')
  },
)

test(
  'after the promotion of a standby that lacks what was read, the gap says so',
  { skip: skipVersion(18) },
  async () => {
    await using primary = await PostgresServerUnderTest.start({ version: 18 })
    await using standby = await primary.standby(slotOfStandby, slotSettings)
    await using db = onPrimaryOf(primary, standby)
    await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
    await using all = new Following(db)
    await all.thread.ready
    await watch(db, 't')
    let n = 0
    const writing = setInterval(() => void db.sql(writeSql(++n)).catch(() => undefined), 200)
    try {
      await slotIsSynced(standby)
    } finally {
      clearInterval(writing)
    }
    await primary.reached(standby)
    await standby.sql('SELECT pg_wal_replay_pause()')
    // The standby receives nothing of this.
    await standby.stop('immediate')
    await db.sql(`INSERT INTO t VALUES ('lost')`)
    assert.ok((await all.story()).includes('lost'))
    await primary.stop('immediate')
    await standby.start()
    await standby.promote()
    await db.sql(`INSERT INTO t VALUES ('after')`)
    assert.match(await all.gap(), /restored or promoted, and its rows are not what the feeds were told/)
    assert.equal((await all.story()).at(-1), 'after')
  },
)

test('a promoted server without the slot is a gap that names it', { skip: skipVersion(15) }, async () => {
  await using primary = await PostgresServerUnderTest.start({ version: 15 })
  await using standby = await primary.standby()
  await using db = onPrimaryOf(primary, standby)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  await using all = new Following(db)
  await all.thread.ready
  await watch(db, 't')
  await db.sql(`INSERT INTO t VALUES ('before')`)
  await all.caughtUp()
  await primary.reached(standby)
  await primary.stop('immediate')
  await standby.promote()
  assert.match(await all.gap(), /replication slot "pg_changefeed_\d+" does not exist any more/)
  await db.sql(`INSERT INTO t VALUES ('after')`)
  assert.equal((await all.story()).at(-1), 'after')
})

for (const isSent of [true, false]) {
  test(
    isSent
      ? 'a role that reads by SQL functions continues after a promotion if the slot sends the last transaction again'
      : 'a role that reads by SQL functions has a gap after a promotion if the slot is beyond the last transaction',
    { skip: skipVersion(17) },
    async () => {
      await using primary = await PostgresServerUnderTest.start({ version: 17 })
      await primary.role('', 'cdc')
      await primary.sql(`CREATE TABLE t (id text PRIMARY KEY); ${forMember('t')('cdc')}`)
      await using standby = await primary.standby(slotOfStandby, slotSettings)
      await using db = onPrimaryOf(primary, standby, 'cdc')
      await using all = new Following(db)
      await all.thread.ready
      let n = 0
      const writing = setInterval(() => void db.sql(`INSERT INTO t VALUES ('${++n}')`).catch(() => undefined), 200)
      try {
        await slotIsSynced(standby)
      } finally {
        clearInterval(writing)
      }
      if (isSent) {
        // The slot on the standby stays where it is.
        await standby.sql('ALTER SYSTEM SET sync_replication_slots = off')
        await standby.sql('SELECT pg_reload_conf()')
        await within(20_000, 'the copying of slots to stop', async () => {
          const workers = await standby.sql(`SELECT FROM pg_stat_activity WHERE backend_type LIKE '%sync%'`)
          return workers.length === 0
        })
      }
      await db.sql(`INSERT INTO t VALUES ('last')`)
      await all.caughtUp()
      if (!isSent) {
        // Moved by somebody, as our server does it after a while, and copied to the standby.
        const beyond = `confirmed_flush_lsn > (SELECT '${await positionOfLast(all)}'::pg_lsn) FROM pg_replication_slots WHERE slot_name LIKE 'pg_changefeed_%'`
        all.thread.demand(1)
        await within(60_000, 'the slot to be beyond the last transaction on the standby', async () => {
          await db.sql('SELECT pg_log_standby_snapshot()')
          return (await standby.sql(`SELECT ${beyond}`))[0]?.[0] === 't'
        })
      }
      await primary.reached(standby)
      await primary.stop('immediate')
      await standby.promote()
      await db.sql(`INSERT INTO t VALUES ('after')`)
      if (isSent) {
        const story = await all.story()
        assert.deepEqual(all.gaps, [])
        assert.deepEqual(story.toSorted(), (await db.sql('SELECT id FROM t')).map(([id]) => String(id)).sort())
      } else {
        assert.match(await all.gap(), /^the source is on another timeline than the changelog/)
        assert.equal((await all.story()).at(-1), 'after')
      }
    },
  )
}

async function positionOfLast(all: Following): Promise<string> {
  const last = all.events().findLast((event) => event.tag === 'transaction')
  return last === undefined ? '0/0' : formatLsn(last.commitLsn)
}
