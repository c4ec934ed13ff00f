// Two servers of ours, each with a store of its own, read one database by SQL functions: between two pulls nobody holds the slot.

import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { Following, following } from '../../test/support/following.ts'
import { removeStore } from '../../test/support/kept-stores.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { forMember, preparedDatabase, type PreparedDatabase } from '../../test/support/prepared-database.ts'
import type { TestDatabase } from '../../test/support/postgres-under-test.ts'
import { within } from '../../test/support/until.ts'
import type { WireError } from '../errors/feed-error.ts'

let server: PostgresServerUnderTest
before(async () => {
  server = await PostgresServerUnderTest.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const prepared = (): Promise<PreparedDatabase> =>
  preparedDatabase(server, 'CREATE TABLE t (id text PRIMARY KEY)', forMember('t'))

/** The same database for a server with another store. */
function withOtherStore(db: PreparedDatabase): TestDatabase {
  const dir = mkdtempSync(join(tmpdir(), 'two-pullers-'))
  return {
    source: db.source,
    dir,
    connect: (user) => db.connect(user),
    sql: (text) => db.sql(text),
    flushLsn: () => db.flushLsn(),
    [Symbol.asyncDispose]: () => Promise.resolve(removeStore(dir)),
  }
}

/** Starts a server whose attempts fail. */
function second(db: TestDatabase): Following {
  const all = new Following(db)
  all.thread.ready.catch(() => undefined)
  return all
}

function errors({ heard }: Following): WireError[] {
  return heard.flatMap((message) =>
    message.tag === 'state' && message.state.tag === 'retrying' ? [message.state.error] : [],
  )
}

/** The other store is what a crash leaves between the intention to make a slot and the first record. */
function crashedWhileMaking(one: TestDatabase, other: TestDatabase): void {
  const label = join(other.dir, 'source.json')
  copyFileSync(join(one.dir, 'source.json'), label)
  const identity = JSON.parse(readFileSync(label, 'utf8')) as object
  writeFileSync(label, JSON.stringify({ ...identity, slot: 'making' }))
}

test('the second server finds the first one also between two pulls, and then says nothing of dropping the slot', async () => {
  await using one = await prepared()
  await using first = await following(one)
  await using other = withOtherStore(one)
  {
    await using all = second(other)
    await within(30_000, 'eight attempts', () => errors(all).length >= 8)
    for (const { message, hint } of errors(all)) {
      assert.match(message, /\(process \d+ of PostgreSQL serves it now, to \S+\): this server stands by$/)
      assert.doesNotMatch(hint ?? '', /pg_drop_replication_slot/)
    }
  }
  await first[Symbol.asyncDispose]()
  await using all = second(other)
  await within(30_000, 'nobody to use the slot', () => /nobody uses it now/.test(errors(all).at(-1)?.message ?? ''))
  assert.match(errors(all).at(-1)?.hint ?? '', /SELECT pg_drop_replication_slot\('pg_changefeed_\d+'\)/)
})

test('after a crash before its slot was made, a server does not drop the one that another server has made meanwhile', async () => {
  await using one = await prepared()
  await using other = withOtherStore(one)
  {
    await using first = await following(one)
    await one.sql(`INSERT INTO t VALUES ('1')`)
    await first.story()
    crashedWhileMaking(one, other)
    await using all = second(other)
    await within(30_000, 'four attempts', () => errors(all).length >= 4)
    for (const { message } of errors(all)) assert.match(message, /this server stands by$/)
    await one.sql(`INSERT INTO t VALUES ('2')`)
    assert.deepEqual(await first.story(), ['1', '2'])
  }
  // The other server is away for a moment.
  {
    await using all = second(other)
    await within(30_000, 'nobody to use the slot', () => /nobody uses it now/.test(errors(all).at(-1)?.message ?? ''))
  }
  await one.sql(`INSERT INTO t VALUES ('3')`)
  await using first = await following(one)
  assert.deepEqual([...new Set(await first.story())], ['1', '2', '3'])
  assert.deepEqual(first.gaps, [])
})

test('after a crash between making its slot and the first record, a server makes its slot anew', async () => {
  await using one = await prepared()
  await using other = withOtherStore(one)
  await (await following(one))[Symbol.asyncDispose]()
  crashedWhileMaking(one, other)
  await one.sql(
    `SELECT pg_drop_replication_slot(slot_name), pg_create_logical_replication_slot(slot_name, 'pgoutput') FROM pg_replication_slots WHERE database = current_database()`,
  )
  await one.sql(`INSERT INTO t VALUES ('1')`)
  await using all = await following(other)
  await one.sql(`INSERT INTO t VALUES ('2')`)
  assert.deepEqual(await all.story(), ['2'])
})
