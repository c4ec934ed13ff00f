// Slots, transactions and objects of others that are in the way.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { openRawConnection } from '../postgres/raw-connection.ts'
import { ExaminedServer, allFindings, found, only } from '../../test/support/examined-server.ts'

let server: ExaminedServer
before(async () => {
  server = await ExaminedServer.start()
})
after(() => server[Symbol.asyncDispose]())

test('objects of somebody else with our names', async () => {
  const schema = await server.database()
  await schema.sql('CREATE SCHEMA changefeed')
  only(await found(schema.owner), { id: 'schema', what: /belongs to postgres/, remedy: /RENAME/ })
  const publication = await server.database()
  await publication.sql('CREATE PUBLICATION pg_changefeed')
  only(await found(publication.owner), {
    id: 'publication',
    what: /is not of pg-changefeed/,
    remedy: /DROP PUBLICATION/,
  })
  const slot = await server.database()
  const [[oid] = []] = await slot.sql('SELECT oid FROM pg_database WHERE datname = current_database()')
  // A slot of another database.
  await server.postgres.sql(`SELECT pg_create_logical_replication_slot('pg_changefeed_${oid}', 'pgoutput')`)
  const { remedy = '' } = only(await found(slot.owner), {
    id: 'our_slot',
    what: /plugin pgoutput in database postgres/,
    remedy: /pg_drop_replication_slot/,
  })
  await server.postgres.sql(remedy.replace(/^.*: /, ''))
  assert.deepEqual(await found(slot.owner), [])
  // A slot of ours that no server reads.
  await slot.sql(`SELECT pg_create_logical_replication_slot('pg_changefeed_${oid}', 'pgoutput')`)
  const left = only(await found(slot.owner), {
    id: 'our_slot',
    verdict: 'warning',
    what: /does not run now, and keeps/,
    remedy: /start the server with its store.*pg_drop_replication_slot/,
  })
  await slot.sql(left.remedy?.replace(/^.*: /, '') ?? '')
  assert.deepEqual(await found(slot.owner), [])
})

test('an inactive slot of somebody else that keeps WAL', async () => {
  const db = await server.database()
  await db.sql(`SELECT pg_create_logical_replication_slot('forgotten', 'pgoutput')`)
  for (let i = 0; i < 5; i++) await db.sql(`INSERT INTO t VALUES (${2000 + i}, 0); SELECT pg_switch_wal()`)
  const { remedy = '' } = only(await found(db.owner), {
    id: 'other_slots',
    verdict: 'warning',
    what: /forgotten keeps \d+ MB/,
    remedy: /pg_drop_replication_slot\('forgotten'\)$/,
  })
  await db.sql(remedy.replace(/^.*: /, ''))
  assert.deepEqual(await found(db.owner), [])
})

test('transactions that a slot waits for: an open one, and a prepared one of any database', async () => {
  const db = await server.database()
  const writer = await openRawConnection({ source: db.owner, parameters: {}, applicationName: 'app' })
  await writer.query('BEGIN; INSERT INTO t VALUES (2001)')
  only(await found(db.owner, { longSeconds: 0 }), {
    id: 'transactions',
    verdict: 'warning',
    what: new RegExp(`process ${writer.backendPid} of role postgres in database ${db.name}, .*, has written`),
    remedy: new RegExp(`pg_terminate_backend\\(${writer.backendPid}\\)`),
  })
  const hidden = await db.prepared()
  const findings = await allFindings(hidden, { longSeconds: 0 })
  const line = findings.find(({ id }) => id === 'transactions')
  assert.equal(line?.verdict, 'ok')
  assert.match(line.what, /is not visible to role cdc\d+ .*1 of them has written/)
  await db.sql('DROP PUBLICATION pg_changefeed; DROP SCHEMA changefeed_state')
  await writer.query(`PREPARE TRANSACTION 'left'`)
  await writer.close()
  const { remedy = '' } = only(await found(db.owner), {
    id: 'prepared_transactions',
    verdict: 'warning',
    what: /'left' of role postgres/,
    remedy: /^COMMIT PREPARED 'left'/,
  })
  await db.sql(remedy.split(',')[0] ?? '')
  assert.deepEqual(await found(db.owner), [])
})
