// Partitions that come and go between two readings, here while ingest is away.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { decodeLog, type Decoded } from '../../../test/support/decode-log.ts'
import { IngestUnderTest } from '../../../test/support/ingest-under-test.ts'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { preparedDatabase, type PreparedDatabase } from '../../../test/support/prepared-database.ts'
import type { TableDescription } from '../../core/table.ts'
import { within } from '../../../test/support/until.ts'

let server: PostgresServerUnderTest
before(async () => {
  server = await PostgresServerUnderTest.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const tables = `CREATE TABLE parted (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE parted_a PARTITION OF parted FOR VALUES FROM (0) TO (100);
  CREATE TABLE other (code int PRIMARY KEY) PARTITION BY RANGE (code)`

/** What the log has after `meanwhile` was done while ingest was away; `known` was done before it began. */
async function logAfter(
  meanwhile: readonly string[],
  known: readonly string[] = [],
): Promise<{
  decoded: Decoded[]
  ingest: IngestUnderTest
  db: PreparedDatabase
  relid: (name: string) => Promise<number>
  /** The table p, if there is one. */
  p: number
  [Symbol.asyncDispose](): Promise<void>
}> {
  const db: PreparedDatabase = await preparedDatabase(
    server,
    tables,
    (role) =>
      `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}; CREATE PUBLICATION pg_changefeed FOR TABLE parted, other`,
  )
  for (const sql of known) await db.sql(sql)
  {
    await using first = new IngestUnderTest(db)
    await first.thread.ready
    await db.sql('INSERT INTO parted VALUES (1, 1)')
    await within(10_000, 'all are described', () => decodeLog(db.dir, first.head).some(({ tag }) => tag === 'row'))
    await first.caughtUp()
  }
  const relid = async (name: string): Promise<number> =>
    Number((await db.sql(`SELECT '${name}'::regclass::oid`))[0]?.[0])
  for (const sql of meanwhile) await db.sql(sql)
  const ingest = new IngestUnderTest(db)
  await ingest.thread.ready
  await ingest.caughtUp()
  return {
    decoded: decodeLog(db.dir, ingest.head),
    ingest,
    db,
    relid,
    p: Number((await db.sql(`SELECT to_regclass('p')::oid`))[0]?.[0]),
    async [Symbol.asyncDispose]() {
      await ingest[Symbol.asyncDispose]()
      await db[Symbol.asyncDispose]()
    },
  }
}

const without = 'CREATE TABLE p (id int PRIMARY KEY, v int)'
const publish = 'ALTER PUBLICATION pg_changefeed ADD TABLE p'
const create = 'CREATE TABLE p PARTITION OF parted FOR VALUES FROM (100) TO (200)'
const attach = 'ALTER TABLE parted ATTACH PARTITION p FOR VALUES FROM (100) TO (200)'
const write = 'INSERT INTO p VALUES (101, 1)'

function descriptions(ingest: IngestUnderTest): TableDescription[] {
  return ingest
    .events()
    .flatMap((event) =>
      event.tag === 'transaction' ? event.schemas.map((json) => JSON.parse(json) as TableDescription) : [],
    )
}

test('rows that a new table of the publication had before it was attached are none of the partitioned table, which reads it', async () => {
  await using log = await logAfter([without, publish, write, attach])
  const parted = await log.relid('parted')
  const p = await log.relid('p')
  const all = log.ingest.events().flatMap((event) => (event.tag === 'transaction' ? event.records : []))
  const mine = all.filter(
    (text) =>
      text === 'row 101' || (text.startsWith('{') && text.includes(`"relid":${p},`)) || text.includes(`"relid": ${p},`),
  )
  assert.equal(mine.length, 3, mine.join('\n'))
  assert.equal(mine[1], 'row 101')
  const [before, after] = descriptions(log.ingest).filter(({ relid }) => relid === p)
  assert.equal(before?.ancestors?.length ?? 0, 0)
  assert.deepEqual(before?.owedTo, [parted])
  assert.deepEqual(after?.ancestors, [parted])
  assert.equal(after?.passedOver, true)
  assert.equal(after?.owedTo, undefined)
  assert.ok(after?.attached !== undefined)
})

test('rows of a new partition that is not in the publication itself are those of the partitioned table', async () => {
  await using log = await logAfter([create, write])
  const p = await log.relid('p')
  const [only] = descriptions(log.ingest).filter(({ relid }) => relid === p)
  assert.deepEqual(only?.ancestors, [await log.relid('parted')])
})

for (const end of ['DROP TABLE p', 'ALTER TABLE parted DETACH PARTITION p'])
  test(`a partition with rows that is made and gone again between two readings (${end}) ends the feeds of the partitioned table by name`, async () => {
    await using log = await logAfter([create, write, end])
    const gap = log.decoded.find((event) => event.tag === 'gap')
    assert.match(gap?.reason ?? '', /rows of table public\.p .* it may have been a partition, and is none any more/)
    assert.ok(gap?.relids?.includes(await log.relid('parted')))
    assert.ok(!gap?.relids?.includes(await log.relid('other')))
  })

test('a partitioned table is described before the first row of a partition, also if both are new and were never read', async () => {
  await using log = await logAfter([])
  const { ingest, relid } = log
  const { db } = ingest
  const names = ['first', 'second', 'third']
  for (const name of names)
    await db.sql(`CREATE TABLE ${name} (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE ${name}_a PARTITION OF ${name} DEFAULT;
      ALTER PUBLICATION pg_changefeed ADD TABLE ${name}; INSERT INTO ${name} VALUES (1)`)
  await ingest.caughtUp()
  const decoded = decodeLog(db.dir, ingest.head)
  for (const name of names) {
    const root = await relid(name)
    const leaf = await relid(`${name}_a`)
    const row = decoded.findIndex((event) => event.tag === 'row' && event.relid === leaf)
    const described = decoded.findIndex((event) => event.tag === 'described' && event.relid === root)
    assert.ok(described >= 0 && described < row, `${name}: described at ${described}, the row at ${row}`)
  }
})

/** The partitioned tables that rows with this id came as rows of. */
function ancestorsOf(decoded: readonly Decoded[], id: number): number[] {
  return decoded.flatMap((event) => (event.tag === 'row' && event.row['id'] === id ? event.ancestors : []))
}

function endedWith(decoded: readonly Decoded[], relid: number): string {
  return decoded.map((event) => (event.tag === 'gap' && event.relids?.includes(relid) ? event.reason : '')).join('')
}

const detach = 'ALTER TABLE parted DETACH PARTITION p'
const withdraw = 'ALTER PUBLICATION pg_changefeed DROP TABLE p'

test('rows of before an ATTACH stay strangers if the table left the publication before it was attached', async () => {
  await using log = await logAfter([write, withdraw, attach], [without, publish])
  const parted = await log.relid('parted')
  assert.deepEqual(ancestorsOf(log.decoded, 101), [])
  const last = descriptions(log.ingest).findLast(({ relid }) => relid === log.p)
  assert.deepEqual([last?.ancestors, last?.passedOver], [[parted], true])
})

const second = 'CREATE TABLE second (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)'
const publishSecond = 'ALTER PUBLICATION pg_changefeed ADD TABLE second'
const attachToSecond = 'ALTER TABLE second ATTACH PARTITION p FOR VALUES FROM (100) TO (200)'

test('rows of a partition that moves to another table of the publication are not taken for those of the table that it has left', async () => {
  await using log = await logAfter([detach, attachToSecond, write], [second, publishSecond, create])
  assert.deepEqual(ancestorsOf(log.decoded, 101), [])
  for (const name of ['parted', 'second'])
    assert.match(endedWith(log.decoded, await log.relid(name)), /it was detached as a partition/, name)
})

test('rows that a partition had in a branch with a membership of its own are none of the table that the branch joins', async () => {
  const branch = 'CREATE TABLE branch (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)'
  const leaf = 'CREATE TABLE p PARTITION OF branch FOR VALUES FROM (100) TO (200)'
  const join = 'ALTER TABLE parted ATTACH PARTITION branch FOR VALUES FROM (100) TO (300)'
  const publishBranch = 'ALTER PUBLICATION pg_changefeed ADD TABLE branch'
  await using log = await logAfter([write, join], [branch, publishBranch, leaf])
  const last = descriptions(log.ingest).findLast(({ relid }) => relid === log.p)
  assert.deepEqual(ancestorsOf(log.decoded, 101), [await log.relid('branch')])
  assert.equal(last?.passedOver, true)
})

test('rows of a partition that was detached and dropped do not come as rows of the partitioned table', async () => {
  await using log = await logAfter([detach, write, 'DROP TABLE p'], [create, publish])
  assert.deepEqual(ancestorsOf(log.decoded, 101), [])
  assert.match(endedWith(log.decoded, await log.relid('parted')), /it was dropped, and may have been detached/)
})

test('rows of a table that was attached and dropped are not lost without a word', async () => {
  await using log = await logAfter([attach, write, 'DROP TABLE p'], [without, publish])
  assert.match(endedWith(log.decoded, await log.relid('parted')), /it may have been a partition, and is none any more/)
  assert.equal(endedWith(log.decoded, await log.relid('other')), '')
})

test('a membership counts from its commit on, also while its transaction waits for a standby and nobody sees it', async () => {
  await using log = await logAfter([], [create])
  const { db } = log.ingest
  const parted = await log.relid('parted')
  await db.sql(`ALTER DATABASE ${log.db.name} SET synchronous_commit = local`)
  await server.sql(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
  await server.sql('SELECT pg_reload_conf()')
  await db.sql(detach)
  const connection = await db.connect()
  await connection.query('SET synchronous_commit = on')
  const published = connection.query(publish)
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
  try {
    await within(10_000, 'the membership to wait for the standby', async () => (await db.sql(waiting)).length > 0)
    await db.sql(write)
    await log.ingest.caughtUp()
  } finally {
    await server.sql('ALTER SYSTEM RESET synchronous_standby_names')
    await server.sql('SELECT pg_reload_conf()')
  }
  const decoded = decodeLog(db.dir, log.ingest.head)
  await published
  await connection.close()
  assert.deepEqual(ancestorsOf(decoded, 101), [])
  assert.match(endedWith(decoded, parted), /it was detached as a partition/)
})
