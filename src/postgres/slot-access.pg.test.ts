// A DBA may take single functions away from everybody. Then it is said which, and not that the role may not replicate.

import assert from 'node:assert/strict'
import test from 'node:test'
import { Following, following } from '../../test/support/following.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { forMember, preparedDatabase } from '../../test/support/prepared-database.ts'
import { within } from '../../test/support/until.ts'

const ofSlots = [
  'pg_create_logical_replication_slot',
  'pg_drop_replication_slot',
  'pg_logical_slot_peek_binary_changes',
  'pg_replication_slot_advance',
]
const ofLogin = ['pg_current_snapshot', 'pg_current_xact_id', 'pg_export_snapshot', 'pg_snapshot_xmin']

test('functions that were taken away from PUBLIC are named with the GRANT that gives them, and then the slot is read', async () => {
  await using server = await PostgresServerUnderTest.start()
  await using db = await preparedDatabase(server, 'CREATE TABLE t (id text PRIMARY KEY)', forMember('t'))
  const hintOfRefusal = async (): Promise<string> => {
    await using refused = new Following(db)
    refused.thread.ready.catch(() => undefined)
    await within(20_000, 'the refusal', () => refused.thread.trouble.now !== undefined)
    const { message = '', hint = '' } = refused.thread.trouble.now?.error ?? {}
    assert.match(message, /^role cdc_\w+ gets no connection for replication, and some of the SQL functions/)
    return hint
  }
  for (const name of [...ofSlots, ...ofLogin]) {
    const [row] = await db.sql(`SELECT min(oid)::regprocedure::text FROM pg_proc WHERE proname = '${name}'`)
    const signature = row?.[0] ?? ''
    await db.sql(`REVOKE EXECUTE ON FUNCTION ${signature} FROM PUBLIC`)
    const grantee = ofSlots.includes(name) ? `${db.role}_may` : db.role
    assert.equal(await hintOfRefusal(), `GRANT EXECUTE ON FUNCTION ${signature} TO ${grantee}`)
    await db.sql(`GRANT EXECUTE ON FUNCTION ${signature} TO PUBLIC`)
  }
  const names = [...ofSlots, ...ofLogin].map((name) => `'${name}'`).join()
  const revoke = `SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure) FROM pg_proc WHERE proname IN (${names})`
  for (const [sql] of await db.sql(revoke)) await db.sql(sql ?? '')
  const grants = (await hintOfRefusal()).split('; ')
  assert.equal(grants.length, ofSlots.length + ofLogin.length)
  for (const sql of grants) await db.sql(sql)
  await using all = await following(db)
  await db.sql(`INSERT INTO t VALUES ('1')`)
  assert.deepEqual(await all.story(), ['1'])
})
