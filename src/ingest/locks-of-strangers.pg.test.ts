// Locks that roles without rights can take, and locks that a role takes who may write every table: what we wait for is not
// theirs to keep, or the wait has an end and says whose lock it is.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { giveBackTables } from './give-back.ts'
import { watchTables } from './watch.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
  await using db = await server.database()
  await db.sql('CREATE ROLE stranger LOGIN; CREATE ROLE writer LOGIN; GRANT pg_write_all_data TO writer')
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const typeLock = (oid: string): string => `7453010313431220224 + ${oid}`

async function watch(db: TestDatabase, table: string): Promise<void> {
  const [row] = await db.sql(`SELECT '${table}'::regclass::oid`)
  await watchTables(db.source, [{ relid: Number(row?.[0]) }])
}

async function typeOf(db: TestDatabase, type: string): Promise<string> {
  return (await db.sql(`SELECT '${type}'::regtype::oid`))[0]?.[0] ?? ''
}

test(
  'advisory locks of a role without rights keep nobody from watching, giving back or changing a type',
  { timeout: 180_000 },
  async () => {
    await using db = await server.database()
    await db.sql(
      `CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE m (id int PRIMARY KEY, m mood)`,
    )
    const stranger = await db.connect('stranger')
    await stranger.query(
      `SELECT pg_advisory_lock(hashtext('pg_changefeed install')), pg_advisory_lock(hashtext('pg_changefeed watched'))`,
    )
    await stranger.query(`SELECT pg_advisory_lock(${typeLock(await typeOf(db, 'mood'))})`)
    await watch(db, 't')
    await watch(db, 'm')
    await stranger.query('SELECT pg_advisory_unlock_all()')
    await stranger.query(`SELECT pg_advisory_lock_shared(${typeLock(await typeOf(db, 'mood'))})`)
    await db.sql(`ALTER TYPE mood ADD VALUE 'b'`)
    await db.sql('ALTER TYPE mood RENAME TO humour')
    assert.deepEqual(await db.sql(`SELECT count(*) FROM changefeed.watched WHERE description::text LIKE '%humour%'`), [
      ['1'],
    ])
    const nobody = async (): Promise<ReadonlySet<number>> => new Set()
    assert.equal((await giveBackTables(db.source, { needed: nobody })).given, 2)
    await stranger.close()
  },
)

test('a type that a changefeed holds cannot be changed, and the other way round, also while a stranger has its number', async () => {
  await using db = await server.database()
  await db.sql(`CREATE TYPE mood AS ENUM ('a'); CREATE TABLE m (id int PRIMARY KEY, m mood)`)
  await watch(db, 'm')
  const oid = await typeOf(db, 'mood')
  const hold = (alone: boolean): string => `SELECT changefeed.hold_types('{${oid}}', ${alone})`
  const [stranger, ours, other] = [await db.connect('stranger'), await db.connect(), await db.connect()]
  for (const [lock, when] of [
    ['pg_advisory_lock_shared', 'after'],
    ['pg_advisory_lock', 'before'],
    ['pg_advisory_lock_shared', 'before'],
  ]) {
    for (const alone of [false, true]) {
      const take = async (): Promise<void> => {
        // What conflicts with ours does not come behind it.
        if (when === 'after' && alone) return
        await stranger.query(`SELECT ${lock}(${typeLock(oid)})`)
      }
      if (when === 'before') await take()
      await ours.query('BEGIN')
      await ours.query(hold(alone))
      if (when === 'after') await take()
      await assert.rejects(other.query(hold(!alone)), { sqlstate: '55P03' }, `${lock} ${when} ${alone}`)
      await assert.rejects(other.query(hold(true)), { sqlstate: '55P03' }, `${lock} ${when} ${alone}`)
      if (!alone) await other.query(hold(false))
      await ours.query('COMMIT')
      await other.query(hold(true))
      await stranger.query('SELECT pg_advisory_unlock_all()')
    }
  }
  for (const connection of [stranger, ours, other]) await connection.close()
})

test(
  'who locks the list of watched tables is named by commands that need it, and holds up none without end',
  { timeout: 180_000 },
  async () => {
    await using db = await server.database()
    await db.sql('CREATE TABLE t (id int PRIMARY KEY)')
    await watch(db, 't')
    const writer = await db.connect('writer')
    for (const mode of ['ACCESS EXCLUSIVE', 'EXCLUSIVE']) {
      await writer.query('BEGIN')
      await writer.query(`LOCK TABLE changefeed.watched IN ${mode} MODE`)
      await assert.rejects(db.sql('ALTER TABLE t ADD COLUMN n int'), {
        sqlstate: '55P03',
        message: new RegExp(`is locked by process ${writer.backendPid} of user "writer"`),
      })
      await writer.query('ROLLBACK')
    }
    await db.sql('ALTER TABLE t ADD COLUMN n int')
    await writer.query('BEGIN; LOCK TABLE changefeed.source IN ACCESS EXCLUSIVE MODE')
    await assert.rejects(watch(db, 't'), { message: /process \d+ of user "writer" has a lock on changefeed\.source/ })
    await writer.close()
  },
)

test('whoever has locked one partition keeps no other one from being attached, and nobody from being told who it is', async () => {
  await using db = await server.database()
  await db.sql(
    `CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE a PARTITION OF root FOR VALUES FROM (0) TO (10);
     CREATE TABLE free (id int PRIMARY KEY); INSERT INTO free VALUES (11)`,
  )
  await watch(db, 'root')
  await using stranger = await db.connect()
  await stranger.query('BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE')
  const isPart = `SELECT (description -> 'ancestors' @> to_jsonb('root'::regclass::oid::bigint))::text FROM changefeed.watched WHERE relid = 'free'::regclass`
  await using app = await db.connect()
  await app.query(`SET lock_timeout = '3s'`)
  await app.query('ALTER TABLE root ATTACH PARTITION free FOR VALUES FROM (10) TO (20)')
  assert.deepEqual(await db.sql(isPart), [['true']])
  await app.query('CREATE TABLE b PARTITION OF root FOR VALUES FROM (20) TO (30)')
  await app.query('ALTER TABLE root DETACH PARTITION free')
  assert.deepEqual(await db.sql(isPart), [])
  await watch(db, 'root')
  await stranger.query('ROLLBACK')
})
