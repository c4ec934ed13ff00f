// Partitioned tables where a DBA has prepared the source, and nothing of ours is in the database.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHlc, zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { until } from '../support/until.ts'
import { prepared, startAttached } from './attached.ts'

const table = `CREATE TABLE parted (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
  CREATE TABLE parted_a (v int, id int NOT NULL); ALTER TABLE parted ATTACH PARTITION parted_a FOR VALUES FROM (0) TO (100);
  CREATE TABLE parted_b PARTITION OF parted FOR VALUES FROM (100) TO (200);
  ALTER TABLE parted_a REPLICA IDENTITY FULL; ALTER TABLE parted_b REPLICA IDENTITY FULL;
  GRANT SELECT ON parted, parted_a, parted_b TO cdc; ALTER PUBLICATION pg_changefeed ADD TABLE parted`

for (const version of [15, 18] as const) {
  test(`PostgreSQL ${version}: new partitions are followed, an attached one is read, and a detached one is announced`, async () => {
    await using attached = await startAttached({ version, ...prepared })
    const { server } = attached
    await server.sql(table)
    await server.sql('INSERT INTO parted VALUES (1, 1), (101, 1)')
    await using feed = await SinklessFeed.open(server, 'CREATE CHANGEFEED FOR parted WITH resolved')
    await feed.row(2)
    await feed.resolvedPast(zeroHlc)
    await server.sql(
      `CREATE TABLE parted_c PARTITION OF parted FOR VALUES FROM (200) TO (300); GRANT SELECT ON parted_c TO cdc; INSERT INTO parted VALUES (200, 1)`,
    )
    await until('the new partition is followed', 20_000, async () =>
      feed.texts.includes('parted: [200]->{"after": {"id": 200, "v": 1}}') ? true : undefined,
    )
    await server.sql(
      `CREATE TABLE parted_old (v int, id int PRIMARY KEY); GRANT SELECT ON parted_old TO cdc; INSERT INTO parted_old (id, v) SELECT i, 1 FROM generate_series(300, 310) i`,
    )
    await server.sql('ALTER TABLE parted ATTACH PARTITION parted_old FOR VALUES FROM (300) TO (400)')
    await until('the attached rows are read', 20_000, async () => {
      const found = Array.from({ length: 11 }, (_, i) => `parted: [${300 + i}]->{"after": {"id": ${300 + i}, "v": 1}}`)
      return found.every((text) => feed.texts.includes(text)) ? true : undefined
    })
    await server.sql('UPDATE parted SET v = 2 WHERE id = 305')
    await until('the attached partition is followed', 20_000, async () =>
      feed.texts.includes('parted: [305]->{"after": {"id": 305, "v": 2}}') ? true : undefined,
    )
    await server.sql('ALTER TABLE parted DETACH PARTITION parted_b')
    await server.sql('INSERT INTO parted_b (id, v) VALUES (150, 9)')
    await until('the detached partition is announced', 20_000, async () =>
      feed.notices.some((text) => /going on without partition "parted_b" of "parted": it was detached/.test(text))
        ? true
        : undefined,
    )
    await server.sql('UPDATE parted SET v = 3 WHERE id = 1')
    await until('the others are followed', 20_000, async () =>
      feed.texts.includes('parted: [1]->{"after": {"id": 1, "v": 3}}') ? true : undefined,
    )
    assert.ok(!feed.texts.some((text) => text.startsWith('parted: [150]')))
    assert.equal(feed.error, undefined)
  })
}

/** What PostgreSQL does not publish, in one transaction each and in several. */
const unpublished = [
  'ALTER TABLE parted DETACH PARTITION parted_b; UPDATE parted_b SET v = -v; ALTER TABLE parted ATTACH PARTITION parted_b FOR VALUES FROM (100) TO (200)',
  'ALTER TABLE parted_b SET UNLOGGED; UPDATE parted_b SET v = v - 10; ALTER TABLE parted_b SET LOGGED',
  'ALTER TABLE parted ALTER v TYPE int USING v * 3',
  `ALTER TABLE parted DETACH PARTITION parted_b; UPDATE parted_b SET v = v - 20; CREATE TABLE middle (v int, id int PRIMARY KEY) PARTITION BY RANGE (id); ALTER TABLE middle REPLICA IDENTITY FULL; GRANT SELECT ON middle TO cdc;
    ALTER TABLE middle ATTACH PARTITION parted_b FOR VALUES FROM (100) TO (200); ALTER TABLE parted ATTACH PARTITION middle FOR VALUES FROM (100) TO (200)`,
  'ALTER TABLE parted DETACH PARTITION middle; UPDATE middle SET v = v - 30; ALTER TABLE parted ATTACH PARTITION middle FOR VALUES FROM (100) TO (200)',
  `CREATE TABLE parted_d (v int, w int, id int PRIMARY KEY); INSERT INTO parted_d (id, v) VALUES (250, 1); GRANT SELECT ON parted_d TO cdc; ALTER TABLE parted_d REPLICA IDENTITY FULL;
    ALTER TABLE parted ADD COLUMN w int; ALTER TABLE parted ATTACH PARTITION parted_d FOR VALUES FROM (200) TO (300)`,
]

for (const version of [15, 18] as const) {
  test(`PostgreSQL ${version}: rows of partitions that were changed where nothing is published are read again, and it is said`, async () => {
    await using attached = await startAttached({ version, ...prepared })
    const { server } = attached
    await server.sql(table)
    await server.sql('INSERT INTO parted SELECT i, i FROM generate_series(99, 101) i')
    await using feed = await SinklessFeed.open(server, 'CREATE CHANGEFEED FOR parted WITH resolved')
    await feed.row(3)
    await feed.resolvedPast(zeroHlc)
    const isRight = async (what: string): Promise<void> => {
      const wanted = await attached.postgres.sql(
        'SELECT json_strip_nulls(row_to_json(p))::text FROM parted p ORDER BY id',
        'app',
      )
      await until(`the feed has the rows after ${what}`, 20_000, async () => {
        const last = new Map<number, string>()
        for (const text of feed.texts) {
          const [, id, row] = /^parted: \[(\d+)\]->\{"after": (.*)\}$/.exec(text) ?? []
          if (row !== undefined) last.set(Number(id), JSON.stringify(JSON.parse(row)).replace(',"w":null', ''))
        }
        const rows = [...last].toSorted(([a], [b]) => a - b).map(([, row]) => row)
        return rows.join() === wanted.join() ? true : undefined
      })
    }
    await isRight('the scan')
    for (const sql of unpublished) {
      await server.sql(`BEGIN; ${sql}; COMMIT`)
      await isRight(sql)
    }
    const said = feed.notices.filter((notice) =>
      /partition "parted_b" of "parted" for newly attached: it was detached and attached again, or/.test(notice),
    )
    assert.equal(said.length, 5, feed.notices.join())
    assert.equal(feed.error, undefined)
  })
}

for (const version of [15, 18] as const) {
  test(`PostgreSQL ${version}: of a leaf that is published itself, no row of after DETACH comes as one of the partitioned table`, async () => {
    await using attached = await startAttached({ version, ...prepared })
    const { server } = attached
    await server.sql(`${table}, parted_a, parted_b`)
    for (const [way, leaf, id] of [
      ['CONCURRENTLY', 'parted_a', 1],
      ['', 'parted_b', 101],
    ] as const) {
      await using feed = await SinklessFeed.open(server, 'CREATE CHANGEFEED FOR parted WITH resolved')
      await feed.resolvedPast(zeroHlc)
      await server.sql(`INSERT INTO parted VALUES (${id}, 1)`)
      await feed.row(1)
      await server.sql(`ALTER TABLE parted DETACH PARTITION ${leaf} ${way}`)
      await server.sql(`INSERT INTO ${leaf} (id, v) VALUES (${id + 1}, 7)`)
      await server.sql(`UPDATE ${leaf} SET v = 8`)
      await feed.ended
      assert.match(
        feed.error?.message ?? '',
        new RegExp(
          `rows of table public.${leaf} are to be read .* it was detached as a partition at about the same time`,
        ),
      )
      assert.deepEqual(feed.texts, [`parted: [${id}]->{"after": {"id": ${id}, "v": 1}}`])
    }
  })

  test(`PostgreSQL ${version}: changes at the time of an ATTACH are read with the other rows, or end a changefeed that does not read these`, async () => {
    await using attached = await startAttached({ version, ...prepared })
    const { server } = attached
    await server.sql(table)
    const open = (options: string): Promise<SinklessFeed> =>
      SinklessFeed.open(server, `CREATE CHANGEFEED FOR parted WITH resolved, initial_scan = 'no'${options}`)
    await using reads = await open('')
    await using passes = await open(", schema_change_policy = 'nobackfill'")
    await using stops = await open(", schema_change_policy = 'stop'")
    for (const feed of [reads, passes, stops]) await feed.resolvedPast(zeroHlc)
    await server.sql(
      `CREATE TABLE parted_new (v int, id int NOT NULL); ALTER TABLE parted_new REPLICA IDENTITY FULL; GRANT SELECT ON parted_new TO cdc; ALTER PUBLICATION pg_changefeed ADD TABLE parted_new`,
    )
    await server.sql('INSERT INTO parted_new (id, v) VALUES (1, 0), (200, 1), (201, 1), (202, 1)')
    // Not rows of the partitioned table, whose row with this key is in another partition.
    await server.sql('INSERT INTO parted VALUES (1, 5)')
    await server.sql('DELETE FROM parted_new WHERE id = 1')
    await server.sql('ALTER TABLE parted ATTACH PARTITION parted_new FOR VALUES FROM (200) TO (300)')
    await server.sql('UPDATE parted SET v = 2 WHERE id = 200')
    await server.sql('DELETE FROM parted WHERE id = 201')
    await until('the rows are there', 20_000, async () => {
      const wanted = [[200, 2] as const, [202, 1] as const]
      const texts = wanted.map(([id, v]) => `parted: [${id}]->{"after": {"id": ${id}, "v": ${v}}}`)
      return texts.every((text) => reads.texts.includes(text)) || undefined
    })
    await server.sql('INSERT INTO parted VALUES (2, 6)')
    await until(
      'the changefeed goes on',
      20_000,
      async () => reads.texts.some((text) => text.includes('"v": 6')) || undefined,
    )
    assert.ok(!reads.texts.some((text) => text.startsWith('parted: [1]->{"after": null')), reads.texts.join('\n'))
    assert.equal(reads.error, undefined)
    // A reading between the commands tells what came after the ATTACH, and then nothing is missing.
    const named = /partition "parted_new" was attached, and which of its changes at about the same time/
    await until('the others have everything, or end by name', 20_000, async () => {
      const all = ['parted: [200]->{"after": {"id": 200, "v": 2}}', 'parted: [201]->{"after": null}']
      const isWhole = all.every((text) => passes.texts.includes(text))
      return ((isWhole || named.test(passes.error?.message ?? '')) && stops.error !== undefined) || undefined
    })
    assert.match(stops.error?.message ?? '', new RegExp(`${named.source}|schema change occurred`))
  })
}

test('PostgreSQL 14: a partitioned table is refused, because rows of attached partitions could be lost', async () => {
  await using attached = await startAttached({ version: 14, ...prepared })
  await attached.server.sql(table)
  await using feed = await SinklessFeed.open(attached.server, 'CREATE CHANGEFEED FOR parted')
  await feed.ended
  assert.match(feed.error?.message ?? '', /public.parted is partitioned, and PostgreSQL 14 may lose rows/)
})

for (const version of [14, 18] as const) {
  test(`PostgreSQL ${version}: a table of FOR ALL TABLES that was unlogged for a moment is read again`, async () => {
    const sql = prepared.sql.replace('pg_changefeed', 'pg_changefeed FOR ALL TABLES')
    await using attached = await startAttached({ version, ...prepared, sql })
    const { server } = attached
    await server.sql(
      'CREATE TABLE plain (id int PRIMARY KEY, v int); INSERT INTO plain VALUES (1, 1); GRANT SELECT ON plain TO cdc; ALTER TABLE plain REPLICA IDENTITY FULL',
    )
    await using feed = await SinklessFeed.open(server, 'CREATE CHANGEFEED FOR plain WITH resolved')
    await feed.row(1)
    await feed.resolvedPast(zeroHlc)
    const unlogged =
      'BEGIN; ALTER TABLE plain SET UNLOGGED; UPDATE plain SET v = v + 1; ALTER TABLE plain SET LOGGED; COMMIT'
    await server.sql(unlogged)
    await until('its row is read again', 20_000, async () =>
      feed.texts.includes('plain: [1]->{"after": {"id": 1, "v": 2}}') ? true : undefined,
    )
    assert.match(feed.notices.join(), /reading all rows of table "plain" again: no publication names it/)
    await using other = await SinklessFeed.open(
      server,
      `CREATE CHANGEFEED FOR plain WITH resolved, initial_scan = 'no', schema_change_policy = 'nobackfill'`,
    )
    await other.resolvedPast(zeroHlc)
    await server.sql(unlogged)
    await other.ended
    assert.match(other.error?.message ?? '', /table "plain", which no publication names, .* may have been unlogged/)
    assert.deepEqual(other.texts, [])
    // The table of values that are stored out of line tells that it was VACUUM FULL.
    await server.sql('ALTER TABLE plain ADD COLUMN big text')
    for (const [i, sql] of ['SELECT 1', 'VACUUM FULL plain'].entries()) {
      const before = feed.notices.filter((text) => text.includes('reading all rows')).length
      await server.sql(sql)
      await server.sql(`UPDATE plain SET v = ${-i}`)
      await until('it is followed', 20_000, async () =>
        feed.texts.at(-1)?.includes(`"v": ${-i}`) === true ? true : undefined,
      )
      assert.equal(feed.notices.filter((text) => text.includes('reading all rows')).length, before)
    }
    assert.equal(feed.error, undefined)
  })
}

test('PostgreSQL 15: a partition that is attached while the server is down is read when it goes on', async () => {
  await using attached = await startAttached({ version: 15, ...prepared })
  const { server, postgres } = attached
  await server.sql(table)
  await server.sql('INSERT INTO parted VALUES (1, 1)')
  let cursor
  {
    await using feed = await SinklessFeed.open(server, 'CREATE CHANGEFEED FOR parted WITH resolved')
    await feed.row(1)
    cursor = formatHlc(await feed.resolvedPast(zeroHlc))
  }
  await server.kill()
  await postgres.sql(
    `CREATE TABLE parted_old (id int PRIMARY KEY, v int); GRANT SELECT ON parted_old TO cdc; ALTER TABLE parted_old REPLICA IDENTITY FULL; INSERT INTO parted_old VALUES (300, 1), (301, 1)`,
    'app',
  )
  await postgres.sql('ALTER TABLE parted ATTACH PARTITION parted_old FOR VALUES FROM (300) TO (400)', 'app')
  await server.restart()
  await using feed = await SinklessFeed.open(server, `CREATE CHANGEFEED FOR parted WITH resolved, cursor = '${cursor}'`)
  await until('the attached rows are read', 20_000, async () =>
    [300, 301].every((id) => feed.texts.includes(`parted: [${id}]->{"after": {"id": ${id}, "v": 1}}`))
      ? true
      : undefined,
  )
})
