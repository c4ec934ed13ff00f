// What the disk or somebody does to the changelog under a running ingest: each must be named.

import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import test, { after, before } from 'node:test'
import { openChangelog } from '../changelog/open-changelog.ts'
import { listSegments } from '../changelog/files/segment.ts'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { serverOfTests } from '../../test/support/servers/server-of-tests.ts'
import { within } from '../../test/support/until.ts'
import { following, slotIsFree } from '../../test/support/following.ts'
import { watch } from '../../test/support/source-writers.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

/** Changes the first byte of `word` in the file, and no other byte: the server may be appending to the file meanwhile. */
function spoil(path: string, word: string): void {
  const file = openSync(path, 'r+')
  try {
    writeSync(file, 'P', readFileSync(path).indexOf(word))
  } finally {
    closeSync(file)
  }
}

test('a log that somebody has removed begins anew, and a cursor from before is refused', async () => {
  await using db = await server.database()
  let before
  {
    await using all = await following(db)
    await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
    await watch(db, 't')
    await db.sql(`INSERT INTO t VALUES ('1')`)
    await all.story()
    before = { wall: all.head.resolvedWall, logical: 0 }
  }
  await db.sql(`INSERT INTO t VALUES ('lost')`)
  rmSync(db.dir, { recursive: true })
  await slotIsFree(db)
  // In somebody else's PostgreSQL the slot may be that of another server, so the operator has to say that it is not.
  if (serverOfTests.tag === 'theirs')
    await db.sql(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()',
    )
  await using all = await following(db)
  const log = openChangelog(all.handle)
  assert.throws(() => log.readAfter(before), { code: 'FEED_CURSOR_TOO_OLD' })
  await db.sql(`INSERT INTO t VALUES ('2')`)
  assert.deepEqual(await all.story(), ['2'])
})

test('bytes that the disk has changed in the middle of the log are a gap that names file and position', async () => {
  await using db = await server.database()
  {
    await using all = await following(db)
    await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
    await watch(db, 't')
    for (const id of ['1', 'precious', '3']) {
      await db.sql(`INSERT INTO t VALUES ('${id}')`)
      await all.story()
    }
  }
  const segment = listSegments(db.dir).at(-1) as { path: string }
  spoil(segment.path, 'precious')
  await slotIsFree(db)
  await using all = await following(db)
  assert.match(
    await all.gap(),
    /changelog is damaged \(.*\.log: the changelog block at position \d+ fails its checksum/,
  )
  await db.sql(`INSERT INTO t VALUES ('4')`)
  assert.deepEqual(await all.story(), ['1', 'gap', '4'])
})

test('bytes that change under readers stop ingest for good; readers hear of it, and so does who asks next', async () => {
  await using db = await server.database()
  await using all = await following(db)
  await db.sql('CREATE TABLE t (id text PRIMARY KEY)')
  await watch(db, 't')
  await db.sql(`INSERT INTO t VALUES ('precious')`)
  await all.story()
  using reader = openChangelog(all.handle).readFrom(all.head.head)
  const segment = listSegments(db.dir).at(-1) as { path: string }
  spoil(segment.path, 'precious')
  // The connection goes, and the next attempt opens the log.
  await db.sql(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active`)
  await within(20_000, 'ingest to stop', () => all.thread.state.tag === 'failed')
  assert.throws(() => {
    while (reader.next() !== undefined);
  }, /not written any more: the changelog in .* was durable up to position \d+ and can be read up to \d+ only/)
  await assert.rejects(all.thread.ready, { code: 'FEED_LOG_CORRUPT' })
})
