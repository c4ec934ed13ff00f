import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { install } from '../source-schema/source-schema.ts'
import { watchTables } from '../ingest/watch.ts'
import type { RelationSchema } from '../core/relation.ts'
import { kind, type RowView } from '../core/row-view.ts'
import { scan } from './scan.ts'
import { wholeTable, type Selection } from './selection.ts'
import type { ScanTable } from './table-facts.ts'
import { until } from '../../test/support/until.ts'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { joinCut, openCut } from './cut.ts'
import { holdCut } from './held-cut.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(() => server[Symbol.asyncDispose]())

test('a type of a table stays as it is while its rows are read', async () => {
  await using database = await server.database()
  await database.sql(
    `CREATE TYPE pair AS (x INT, y INT); CREATE TABLE t (id INT PRIMARY KEY, c pair[]); INSERT INTO t VALUES (1, ARRAY['(1,2)'::pair])`,
  )
  const connection = await database.connect()
  await install(connection)
  const [found] = await connection.query(`SELECT 'public.t'::regclass::oid::text`)
  const targets = [{ relid: Number(found?.[0]), tableName: 't' }]
  await watchTables(database.source, targets)
  const options = { source: database.source, targets, connections: 2, signal: new AbortController().signal }
  const drop = 'ALTER TYPE public.pair DROP ATTRIBUTE x; ALTER TYPE public.pair ADD ATTRIBUTE z INT'
  {
    await using cut = await openCut(options)
    await assert.rejects(
      database.sql(drop),
      /type public.pair cannot be changed now: a changefeed scans or describes table public.t \(column c\)/,
    )
    const rows = await cut.readers[1]?.query('SELECT c::text FROM public.t')
    assert.deepEqual(rows, [['{"(1,2)"}']])
  }
  await database.sql(drop)

  // Who is about to change it is waited for.
  await connection.query('BEGIN; ALTER TYPE public.pair ADD ATTRIBUTE w INT')
  const opening = openCut(options)
  const early = await Promise.race([
    opening.then(() => 'opened'),
    database.sql('SELECT pg_sleep(1)').then(() => 'waits'),
  ])
  await connection.query('COMMIT')
  await using cut = await opening
  assert.equal(early, 'waits')
  assert.match(JSON.stringify(cut.tables.get(targets[0]?.relid ?? 0)?.description), /"w"/)
  await connection.close()
})

test('a table that our role may not read is an error with the GRANT', async () => {
  await using database = await server.database()
  await database.sql('CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE "Other" (id INT PRIMARY KEY)')
  await database.sql(
    'DROP ROLE IF EXISTS "few Rights"; CREATE ROLE "few Rights" LOGIN REPLICATION; GRANT SELECT ON t TO "few Rights"',
  )
  const rows = await database.sql(`SELECT oid::text, relname FROM pg_class WHERE relname IN ('t', 'Other')`)
  const targets = rows.map(([oid, name]) => ({ relid: Number(oid), tableName: name ?? '' }))
  const source = { ...database.source, user: 'few Rights', mayInstall: false as const }
  await assert.rejects(openCut({ source, targets, connections: 1, signal: new AbortController().signal }), {
    message: 'permission denied for table Other',
    sqlstate: '42501',
    hint: 'GRANT SELECT ON public."Other" TO "few Rights"; the changefeed then goes on',
  })
})

test('scans that begin beside DDL hold up neither themselves nor the DDL', { timeout: 400_000 }, async () => {
  await using database = await server.database()
  await database.sql('CREATE TABLE t (id INT PRIMARY KEY, n INT); CREATE TABLE u (id INT PRIMARY KEY)')
  const connection = await database.connect()
  await install(connection)
  const found = await connection.query(`SELECT oid::text, relname FROM pg_class WHERE relname IN ('t', 'u')`)
  const targets = found.map(([relid, name]) => ({ relid: Number(relid), tableName: name ?? '' }))
  const options = { source: database.source, targets, connections: 2, signal: new AbortController().signal }
  let isOver = false
  let changes = 0
  const alter = async (): Promise<void> => {
    while (!isOver) {
      await connection.query('ALTER TABLE public.t RENAME COLUMN n TO m; ALTER TABLE public.t RENAME COLUMN m TO n')
      changes += 1
      // A cut must fit between two changes.
      await delay(10)
    }
  }
  const altering = alter()
  for (let i = 0; i < 10; i++) {
    const before = changes
    try {
      await using cut = await openCut(options)
      assert.equal(cut.tables.size, 2)
    } catch (error) {
      assert.match((error as Error).message, /during each of 10 attempts to start their scan/)
    }
    await until('another change', 20_000, () => changes > before || undefined)
  }
  isOver = true
  await altering
  await connection.close()
})

/** Changes of types that leave the description of a table as it was. */
const thereAndBack = [
  `ALTER TYPE public.pair DROP ATTRIBUTE y; ALTER TYPE public.pair ADD ATTRIBUTE y TEXT`,
  `ALTER TYPE public.pair RENAME ATTRIBUTE x TO z; ALTER TYPE public.pair RENAME ATTRIBUTE y TO x; ALTER TYPE public.pair RENAME ATTRIBUTE z TO y`,
  `ALTER TYPE public.mood RENAME VALUE 'good' TO 'other'; ALTER TYPE public.mood RENAME VALUE 'bad' TO 'good'; ALTER TYPE public.mood RENAME VALUE 'other' TO 'bad'`,
  `ALTER TYPE public.pair RENAME TO twin; ALTER TYPE public.twin RENAME TO pair`,
]

test('a type that is changed and changed back between a statement and its scan prints as PostgreSQL prints it for that snapshot', async () => {
  for (const change of thereAndBack) {
    await using database = await server.database()
    await database.sql(`CREATE TYPE pair AS (x TEXT, y TEXT); CREATE TYPE mood AS ENUM ('good', 'bad');
      CREATE TABLE t (id INT PRIMARY KEY, c pair[], m mood); INSERT INTO t VALUES (1, ARRAY['(a,b)'::pair], 'good')`)
    const connection = await database.connect()
    await install(connection)
    const [found] = await connection.query(`SELECT 'public.t'::regclass::oid::text`)
    const targets = [{ relid: Number(found?.[0]), tableName: 't' }]
    await watchTables(database.source, targets)
    const options = { source: database.source, targets, connections: 1, signal: new AbortController().signal }
    await using held = await holdCut(options)
    await database.sql(change)
    await database.sql(`UPDATE t SET c = '{}', m = NULL; INSERT INTO t VALUES (2, '{}', NULL)`)
    await using cut = await joinCut(held.snapshot, options)
    // Otherwise the cut is made anew.
    if (cut === undefined) continue
    const [description] = await connection.query(`SELECT changefeed.describe(${found?.[0]})`)
    assert.deepEqual(cut.tables.get(Number(found?.[0]))?.description, JSON.parse(description?.[0] ?? ''), change)
    await connection.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '${held.snapshot.name}'`)
    const wanted = await connection.query('SELECT id, to_json(c), m FROM public.t')
    const rows: (readonly (string | null)[])[] = []
    const consumer = {
      row(_: RelationSchema, row: RowView): void {
        rows.push(
          [0, 1, 2].map((i) =>
            row.kinds[i] === kind.null ? null : row.bytes.toString('utf8', row.starts[i], row.ends[i]),
          ),
        )
      },
      pieceDone: () => undefined,
      chunkDone: () => undefined,
    }
    const selection = (table: ScanTable): Selection => wholeTable(table)
    await scan({ cut, selection, commitTimes: false, isDone: () => false, consumers: [consumer] })
    assert.equal(rows.length, 1, change)
    const [text] = await connection.query('SELECT id, c, m FROM public.t')
    assert.deepEqual(rows[0], text, change)
    // Each field under the name that it has now.
    const fields = JSON.stringify(cut.tables.get(Number(found?.[0]))?.description.columns[1]?.shape)
    const [pair] = JSON.parse(wanted[0]?.[1] ?? '') as Record<string, string | null>[]
    const names = [...fields.matchAll(/"name":\s*"(\w+)"/g)].map(([, name]) => name)
    assert.deepEqual(
      names.filter((name) => name !== 'text'),
      Object.keys(pair ?? {}),
      change,
    )
    await connection.close()
  }
})
