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

/** What the log has after `meanwhile` was done while ingest was away. */
async function logAfter(meanwhile: readonly string[]): Promise<{
  decoded: Decoded[]
  ingest: IngestUnderTest
  relid: (name: string) => Promise<number>
  [Symbol.asyncDispose](): Promise<void>
}> {
  const db: PreparedDatabase = await preparedDatabase(
    server,
    tables,
    (role) =>
      `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}; CREATE PUBLICATION pg_changefeed FOR TABLE parted, other`,
  )
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
    relid,
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
  assert.deepEqual(after?.ancestors, [parted])
  assert.equal(after?.passedOver, true)
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
