// Two servers of ours, each with a store of its own, read one database.

import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { Following, following, slotIsFree } from '../../test/support/following.ts'
import { removeStore } from '../../test/support/kept-stores.ts'
import { TestPostgres, type TestDatabase } from '../../test/support/postgres-under-test.ts'
import { watch } from '../../test/support/source-writers.ts'
import { within } from '../../test/support/until.ts'

/** The same database for a server that did not start PostgreSQL, with a folder of its own. */
function attached(db: TestDatabase): TestDatabase {
  const dir = mkdtempSync(join(tmpdir(), 'two-servers-'))
  const { isOwnServer: _, ...source } = db.source
  return {
    source,
    dir,
    connect: (user) => db.connect(user),
    sql: (text) => db.sql(text),
    flushLsn: () => db.flushLsn(),
    [Symbol.asyncDispose]: () => Promise.resolve(removeStore(dir)),
  }
}

async function standsBy(second: Following, says: RegExp): Promise<void> {
  await within(20_000, 'the second server to stand by', () => says.test(second.thread.trouble.now?.error.message ?? ''))
}

test('the second server stands by and says who has the slot, also while the first one is away, which loses nothing', async () => {
  await using server = await TestPostgres.start()
  await using db = await server.database()
  await using one = attached(db)
  await using other = attached(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  {
    await using first = await following(one)
    await watch(one, 't')
    await db.sql(`INSERT INTO t VALUES ('1')`)
    await first.story()
    await using second = new Following(other)
    second.thread.ready.catch(() => undefined)
    await standsBy(second, /made by a server with another store \(process \d+ of PostgreSQL serves it now, to \S+/)
  }
  await slotIsFree(db)
  await db.sql(`INSERT INTO t VALUES ('2')`)
  await using second = new Following(other)
  second.thread.ready.catch(() => undefined)
  await standsBy(second, /made by a server with another store \(nobody uses it now\): this server stands by/)
  await using first = await following(one)
  await db.sql(`INSERT INTO t VALUES ('3')`)
  assert.deepEqual([...new Set(await first.story())].slice(-3), ['1', '2', '3'])
  assert.deepEqual(first.gaps, [])
})

test('when its slot is dropped, the second server begins', async () => {
  await using server = await TestPostgres.start()
  await using db = await server.database()
  await using one = attached(db)
  await using other = attached(db)
  await (await following(one))[Symbol.asyncDispose]()
  await slotIsFree(db)
  await using second = new Following(other)
  second.thread.ready.catch(() => undefined)
  await standsBy(second, /made by a server with another store/)
  await db.sql('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots')
  await within(20_000, 'the second server to read', () => second.states.includes('streaming'))
})
