// Servers whose settings are not enough, and standbys.

import assert from 'node:assert/strict'
import test from 'node:test'
import { watchTables } from '../ingest/watch.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import { found, only } from '../../test/support/examined-server.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { until, within } from '../../test/support/until.ts'
import type { Finding } from './finding.ts'

test('settings of the server: how long WAL is kept, and slots that are invalidated when idle', async () => {
  await using own = await PostgresServerUnderTest.start({ version: 18, auth: 'scram-sha-256' })
  await own.sql('CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE w (v text)')
  const source = own.source()
  const set = async (name: string, value: string): Promise<void> => {
    await own.sql(`ALTER SYSTEM SET ${name} = '${value}'`)
    await own.sql('SELECT pg_reload_conf()')
  }
  only(await found(source), {
    id: 'wal_keep',
    verdict: 'warning',
    what: /without limit/,
    remedy: /^ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'/,
  })
  await set('max_slot_wal_keep_size', '64MB')
  const writing = own.sql('INSERT INTO w SELECT repeat(md5(i::text), 10) FROM generate_series(1, 300000) i')
  only(await found(source, { measureMs: 1000 }), {
    id: 'wal_keep',
    verdict: 'warning',
    what: /max_slot_wal_keep_size = 64 MB lasts .* at .* of WAL in a second/,
    remedy: /max_slot_wal_keep_size/,
  })
  await writing
  await set('max_slot_wal_keep_size', '10GB')
  await set('idle_replication_slot_timeout', '1h')
  only(await found(source), {
    id: 'idle_slots',
    verdict: 'warning',
    what: /idle_replication_slot_timeout is 60 minutes/,
    remedy: /idle_replication_slot_timeout = '0'/,
  })
})

test('a server that has no room for a slot: wal_level, slots, WAL senders, connections', async () => {
  await using own = await PostgresServerUnderTest.start({
    version: 18,
    auth: 'scram-sha-256',
    settings: { max_slot_wal_keep_size: '10GB' },
  })
  await own.sql('CREATE TABLE t (id int PRIMARY KEY, v int)')
  const source = own.source()
  const restartedWith = async (settings: Readonly<Record<string, string>>): Promise<readonly Finding[]> => {
    own.configure(settings)
    await own.restart()
    return await found(source)
  }
  only(await restartedWith({ max_replication_slots: '1' }), {
    id: 'slots',
    what: /only 1 replication slot is free: 0 of max_replication_slots = 1/,
    remedy: /^ALTER SYSTEM SET max_replication_slots = '5', then restart/,
  })
  await own.sql(`SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')`)
  only(await found(source), {
    id: 'slots',
    what: /no replication slot is free: 1 of max_replication_slots = 1/,
    remedy: /pg_drop_replication_slot\('theirs'\)$/,
  })
  await own.sql(`SELECT pg_drop_replication_slot('theirs')`)
  only(await restartedWith({ max_replication_slots: '10', max_wal_senders: '1' }), {
    id: 'wal_senders',
    what: /only 1 WAL sender is free/,
    remedy: /^ALTER SYSTEM SET max_wal_senders = '5'/,
  })
  const taken = await openRawConnection({ source, replication: true })
  only(await found(source), { id: 'wal_senders', what: /no WAL sender is free: 1 of/, remedy: /pg_stat_replication/ })
  await taken.close()
  only(await restartedWith({ max_wal_senders: '10', max_connections: '8' }), {
    id: 'connections',
    verdict: 'warning',
    what: /only \d connections are free/,
    remedy: /max_connections = '20'/,
  })
  only(await restartedWith({ max_connections: '100', wal_level: 'replica' }), {
    id: 'wal_level',
    what: /wal_level is replica/,
    remedy: /^ALTER SYSTEM SET wal_level = 'logical', then restart PostgreSQL$/,
  })
})

test('a standby is named as one, and refused', async () => {
  for (const version of [18, 15] as const) {
    await using primary = await PostgresServerUnderTest.start({
      version,
      auth: 'scram-sha-256',
      settings: { max_slot_wal_keep_size: '10GB' },
    })
    await primary.sql('CREATE TABLE t (id int PRIMARY KEY, v int); CREATE PUBLICATION pg_changefeed FOR TABLE t')
    await using standby = await primary.standby()
    await primary.reached(standby)
    const old = version < 16
    only(await found(standby.source(), { state: undefined }), {
      id: 'standby',
      what: /the server is a standby/,
      remedy: /target_session_attrs=read-write/,
    })
    const watching = watchTables(standby.source(), [{ relid: 16_384 }])
    await assert.rejects(watching, { message: /on a standby: changefeeds read the primary/, sqlstate: '25006' })
    // The primary is told that its standby would not have the slot.
    const [failover] = (await found(primary.source(), { tables: [] })).filter(({ id }) => id === 'failover')
    assert.match(failover?.what ?? '', old ? /before version 17/ : /synchronized_standby_slots is empty/)
    if (old) continue
    const synchronized = async (names: string): Promise<Finding | undefined> => {
      await primary.sql(`ALTER SYSTEM SET synchronized_standby_slots = '${names}'`)
      await primary.sql('SELECT pg_reload_conf()')
      return (await found(primary.source(), { tables: [] })).find(({ id }) => id === 'failover')
    }
    await within(10_000, 'the standby is known', async () => (await synchronized('standby')) === undefined)
    // The next connection may still have the settings of before.
    const gone = await until('the setting is seen', 10_000, () => synchronized('standby, gone'))
    assert.match(gone.what, /names gone, and no standby uses that slot now/)
    assert.match(gone.remedy ?? '', /SET synchronized_standby_slots = 'standby'/)
  }
})
