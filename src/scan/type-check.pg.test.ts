// Types that change while rows are read that consist of them, where nothing of ours is installed that would keep them.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { openCut } from './cut.ts'
import { scan } from './scan.ts'
import { wholeTable } from './selection.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(() => server[Symbol.asyncDispose]())

const changes = [
  'ALTER TYPE pair DROP ATTRIBUTE x',
  'ALTER TYPE pair DROP ATTRIBUTE y; ALTER TYPE pair ADD ATTRIBUTE y int',
  'ALTER TYPE inner_pair ADD ATTRIBUTE z int',
  `ALTER TYPE mood RENAME VALUE 'good' TO 'fine'`,
]

test('no row is given that may have been printed with a changed type, and the next cut gives all rows', async () => {
  for (const change of changes) {
    await using db = await server.database()
    await db.sql(`CREATE TYPE mood AS ENUM ('good'); CREATE TYPE inner_pair AS (m mood); CREATE TYPE pair AS (x int, y int, i inner_pair);
      CREATE TABLE t (id int PRIMARY KEY, c pair[]); INSERT INTO t SELECT n, ARRAY[ROW(n, n, NULL)::pair] FROM generate_series(1, 500) AS n; CREATE PUBLICATION pg_changefeed FOR TABLE t`)
    const [found] = await db.sql(`SELECT 'public.t'::regclass::oid::text`)
    const targets = [{ relid: Number(found?.[0]), tableName: 't' }]
    const source = { ...db.source, mayInstall: false as const }
    const options = { source, targets, connections: 1, signal: new AbortController().signal }
    const read = async (before: () => Promise<unknown>): Promise<number> => {
      let rows = 0
      await using cut = await openCut(options)
      await before()
      const consumer = { row: () => void (rows += 1), pieceDone: () => undefined, chunkDone: () => undefined }
      const selection = wholeTable
      const done = scan({
        cut,
        selection,
        chunkPages: 2,
        commitTimes: false,
        isDone: () => false,
        consumers: [consumer],
      })
      await done.catch((error: unknown) => {
        assert.equal(rows, 0, change)
        assert.ok(cut.types.hasChanged, change)
        throw error
      })
      return rows
    }
    await assert.rejects(
      read(() => db.sql(change)),
      { code: 'FEED_SOURCE_DOWN', message: /a type of table "t" was changed/ },
      change,
    )
    assert.equal(await read(() => Promise.resolve()), 500, change)
  }
})
