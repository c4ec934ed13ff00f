// The slot is lost while jobs run, and a new one waits for an open transaction: that is what everybody hears, not how the earlier attempt has ended.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { following } from '../../test/support/following.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { forMember, preparedDatabase } from '../../test/support/prepared-database.ts'
import { within } from '../../test/support/until.ts'

let server: PostgresServerUnderTest
before(async () => {
  server = await PostgresServerUnderTest.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const modes = {
  'a stream': (role: string): string => `CREATE PUBLICATION pg_changefeed FOR TABLE t; GRANT SELECT ON t TO ${role}`,
  'SQL functions': forMember('t'),
}

for (const [how, prepare] of Object.entries(modes)) {
  test(`read by ${how}: the trouble is whom the new slot waits for, and is over with the wait`, async () => {
    await using db = await preparedDatabase(server, 'CREATE TABLE t (id text PRIMARY KEY)', prepare)
    await using all = await following(db)
    await db.sql(`INSERT INTO t VALUES ('1')`)
    await all.story()
    await using writer = await db.connect()
    await writer.query(`BEGIN; INSERT INTO t VALUES ('open')`)
    const slots = 'FROM pg_replication_slots WHERE database = current_database()'
    await within(20_000, 'the slot to be dropped', async () => {
      await db.sql(`SELECT pg_terminate_backend(active_pid) ${slots} AND active`)
      return await db.sql(`SELECT pg_drop_replication_slot(slot_name) ${slots}`).then(
        () => true,
        () => false,
      )
    })
    const reason = new RegExp(
      `^waiting for transactions that have written: process ${writer.backendPid} of user "\\w+" in database "${db.name}"`,
    )
    await within(20_000, 'the reason', () => reason.test(all.thread.trouble.now?.error.message ?? ''))
    assert.match(all.thread.trouble.now?.error.hint ?? '', /pg_terminate_backend/)
    await writer.query('COMMIT')
    assert.match(await all.gap(), /does not exist any more/)
    await within(20_000, 'the end of the trouble', () => all.thread.trouble.now === undefined)
  })
}
