// A database in which nothing is wrong, and what the doctor says although it is no failure.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { openRawConnection } from '../postgres/raw-connection.ts'
import { ExaminedServer, allFindings, found, only } from '../../test/support/examined-server.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { within } from '../../test/support/until.ts'

let server: ExaminedServer
before(async () => {
  server = await ExaminedServer.start()
})
after(() => server[Symbol.asyncDispose]())

for (const version of [14, 18] as const) {
  test(`PostgreSQL ${version} where nothing is wrong: everything is ok, as superuser and as a role of few rights`, async () => {
    await using own = await PostgresServerUnderTest.start({
      version,
      auth: 'scram-sha-256',
      settings: { max_slot_wal_keep_size: '10GB' },
    })
    await own.sql('CREATE TABLE t (id int PRIMARY KEY, v int); CREATE SCHEMA changefeed_state')
    assert.deepEqual(await found(own.source()), [])
    const role = await own.leastPrivileged({ database: 'postgres', tables: ['t'] })
    await own.sql(`GRANT USAGE, CREATE ON SCHEMA changefeed_state TO ${role}`)
    assert.deepEqual(await found(own.source('postgres', role)), [])
    await own.sql(
      `CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); GRANT SELECT ON p, p1 TO ${role}; ALTER PUBLICATION pg_changefeed ADD TABLE p`,
    )
    const parts = await found(own.source('postgres', role), { tables: [{ schema: 'public', name: 'p' }] })
    assert.deepEqual(
      parts.map(({ id }) => id),
      version === 14 ? ['partitions'] : [],
    )
    const slots = await own.sql('SELECT slot_name FROM pg_replication_slots')
    assert.deepEqual(slots, [], 'nothing was made')
  })
}

test('settings of a role or a database that change text or end sessions are ok, and listed', async () => {
  const db = await server.database()
  const source = await db.prepared()
  await db.sql(
    `ALTER ROLE ${source.user} SET DateStyle = 'German'; ALTER DATABASE ${db.name} SET statement_timeout = '1ms'; ALTER ROLE ${source.user} SET default_transaction_read_only = on`,
  )
  const findings = await allFindings(source)
  assert.deepEqual(
    findings.filter(({ verdict }) => verdict !== 'ok'),
    [],
  )
  const what = findings.find(({ id }) => id === 'settings')?.what ?? ''
  for (const name of ['DateStyle=German', 'statement_timeout=1ms', 'default_transaction_read_only=on'])
    assert.ok(what.includes(name), what)
})

test('where a provider is recognised, the remedy is in its words', async () => {
  const db = await server.database()
  const source = await db.prepared()
  await db.sql(`ALTER ROLE ${source.user} NOREPLICATION; CREATE ROLE rds_superuser`)
  try {
    const findings = await allFindings(source, { tables: [] })
    assert.equal(findings.find(({ id }) => id === 'provider')?.what, 'Amazon RDS')
    assert.match(findings.find(({ id }) => id === 'replication')?.remedy ?? '', /^GRANT rds_replication TO cdc\d+$/)
  } finally {
    await db.sql('DROP ROLE rds_superuser')
  }
})

test('a table that somebody has locked is described all the same, and the doctor does not wait for it', async () => {
  const db = await server.database()
  const holder = await openRawConnection({ source: db.owner, parameters: {}, applicationName: 'app' })
  await holder.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE')
  only(await found(db.owner), {
    id: 'scan',
    verdict: 'warning',
    what: /its size could not be read: canceling statement due to lock timeout/,
    remedy: /end what has locked the table/,
  })
  await holder.close()
  assert.deepEqual(await found(db.owner), [])
})

for (const version of [14, 18] as const) {
  test(`PostgreSQL ${version} that lets our role in without a password gets a warning, until it asks for one`, async () => {
    await using own = await PostgresServerUnderTest.start({
      version,
      settings: { max_slot_wal_keep_size: '10GB' },
    })
    await own.sql('CREATE TABLE t (id int PRIMARY KEY, v int)')
    const source = own.source()
    only(await found(source), {
      id: 'logins',
      verdict: 'warning',
      what: /lets this server in without asking for a password, as role postgres: clients .* are refused/,
      remedy: /pg_hba\.conf.* scram-sha-256, not trust, peer or ident; or start this server with --insecure/,
    })
    await own.allow('host all,replication all 127.0.0.1/32 scram-sha-256')
    const password = { tag: 'text', text: own.password('postgres') ?? '' } as const
    await within(10_000, 'the new pg_hba.conf', async () => (await found({ ...source, password })).length === 0)
  })
}

test('a role that is let in by its certificate gets no warning: it is not shown where clients log in', async () => {
  await using own = await PostgresServerUnderTest.start({
    tls: true,
    auth: 'cert',
    settings: { max_slot_wal_keep_size: '10GB' },
  })
  await own.sql('CREATE TABLE t (id int PRIMARY KEY, v int)')
  const findings = await allFindings(own.source())
  assert.equal(findings.find(({ id }) => id === 'logins')?.verdict, 'ok', JSON.stringify(findings))
})

test('a database in SQL_ASCII', async () => {
  const db = await server.database(`ENCODING SQL_ASCII TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`)
  only(await found(db.owner), { id: 'encoding', verdict: 'warning', what: /SQL_ASCII/, remedy: /UTF8/ })
})
