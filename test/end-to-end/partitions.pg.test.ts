// Partitioned tables as one target: what a changefeed gives while partitions are made, attached, detached, dropped and truncated.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { hlcOf } from '../feed/test-feed.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { needsInstalled } from '../support/servers/server-of-tests.ts'
import { until } from '../support/until.ts'

/** PostgreSQL 14 goes on decoding by what it knew of a partition before it was attached or detached. */
for (const version of [undefined, 14] as const) {
  describe(version === undefined ? 'partitions' : `partitions on PostgreSQL ${version}`, () => partitions(version))
}

function partitions(version: 14 | undefined): void {
  /** A DBA has prepared the source: partitions are found by the catalogue, at a later time than that of the command. */
  const isPrepared = version === undefined && needsInstalled !== false
  let theirs: PostgresServerUnderTest | undefined
  let server: TestServer
  before(async () => {
    if (version === undefined) server = await TestServer.start()
    else {
      theirs = await PostgresServerUnderTest.start({ version })
      await theirs.sql('CREATE DATABASE app')
      server = await TestServer.start({ attached: { url: theirs.url('app'), user: 'postgres', database: 'app' } })
    }
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await theirs?.[Symbol.asyncDispose]()
  })

  let tables = 0

  /** A table partitioned by its key, with a partition of [0, 100) that has other places for its columns, and one of [100, 200). */
  async function partitioned(): Promise<string> {
    const t = `p${++tables}`
    await server.sql(
      `CREATE TABLE ${t} (id int PRIMARY KEY, name text, n int) PARTITION BY RANGE (id);
       CREATE TABLE ${t}_a (n int, gone text, id int NOT NULL, name text); ALTER TABLE ${t}_a DROP COLUMN gone;
       ALTER TABLE ${t} ATTACH PARTITION ${t}_a FOR VALUES FROM (0) TO (100);
       CREATE TABLE ${t}_b PARTITION OF ${t} FOR VALUES FROM (100) TO (200)`,
    )
    return t
  }

  const isTold = ({ notices }: SinklessFeed, what: string): boolean =>
    notices.some((text) => text.includes(`going on without partition ${what}`))

  const open = (sql: string): Promise<SinklessFeed> => SinklessFeed.open(server, sql)

  /** The rows as `key -> after`, without times. */
  function shown(feed: SinklessFeed): readonly string[] {
    return feed.rows.map(({ topic, key, value }) => `${topic}: ${key}->${/"after": (null|.*?\})/.exec(value)?.[1]}`)
  }

  const row = (t: string, id: number, name: string, n: number): string =>
    `${t}: [${id}]->{"id": ${id}, "n": ${n}, "name": "${name}"}`

  test('a scan and the changes give the rows of all leaves under the name, key and columns of the partitioned table', async () => {
    const t = await partitioned()
    await server.sql(`INSERT INTO ${t} VALUES (1, 'a', 10), (101, 'b', 20)`)
    await using feed = await open(`CREATE CHANGEFEED FOR ${t}`)
    await feed.row(2)
    assert.deepEqual(shown(feed).toSorted(), [row(t, 1, 'a', 10), row(t, 101, 'b', 20)].toSorted())
    await server.sql(`INSERT INTO ${t} VALUES (2, 'c', 30)`)
    await server.sql(`UPDATE ${t} SET n = 21 WHERE id = 101`)
    await server.sql(`DELETE FROM ${t} WHERE id = 1`)
    await feed.row(5)
    assert.deepEqual(shown(feed).slice(2), [row(t, 2, 'c', 30), row(t, 101, 'b', 21), `${t}: [1]->null`])
  })

  test('a row that moves to another partition is one update of its key, with the row before', async () => {
    const t = `p${++tables}`
    await server.sql(
      `CREATE TABLE ${t} (id int, part text, n int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
       CREATE TABLE ${t}_x PARTITION OF ${t} FOR VALUES IN ('x'); CREATE TABLE ${t}_y PARTITION OF ${t} FOR VALUES IN ('y');
       CREATE TABLE ${t}_m (id int PRIMARY KEY, n int) PARTITION BY RANGE (id); CREATE TABLE ${t}_m1 PARTITION OF ${t}_m FOR VALUES FROM (0) TO (10);
       CREATE TABLE ${t}_m2 PARTITION OF ${t}_m FOR VALUES FROM (10) TO (20);
       INSERT INTO ${t} VALUES (1, 'x', 1); INSERT INTO ${t}_m VALUES (1, 1)`,
    )
    await using feed = await open(`CREATE CHANGEFEED FOR ${t}, ${t}_m WITH diff, initial_scan = 'no', resolved`)
    await feed.resolvedPast(zeroHlc)
    await server.sql(`UPDATE ${t} SET part = 'y', n = 2`)
    await server.sql(`UPDATE ${t}_m SET id = 12`)
    await feed.row(4)
    assert.deepEqual(
      feed.rows.map(({ key, value }) => `${key} ${value}`).toSorted(),
      [
        `[1, "x"] {"after": null, "before": {"id": 1, "n": 1, "part": "x"}}`,
        `[1, "y"] {"after": {"id": 1, "n": 2, "part": "y"}, "before": null}`,
        `[1] {"after": null, "before": {"id": 1, "n": 1}}`,
        `[12] {"after": {"id": 12, "n": 1}, "before": null}`,
      ].toSorted(),
    )
  })

  test('new partitions join at once, also within the transaction that makes them, at every level, and as defaults', async () => {
    const t = await partitioned()
    await using feed = await open(`CREATE CHANGEFEED FOR ${t} WITH initial_scan = 'no', resolved`)
    await feed.resolvedPast(zeroHlc)
    await server.sql(
      `BEGIN; CREATE TABLE ${t}_c PARTITION OF ${t} FOR VALUES FROM (200) TO (300); INSERT INTO ${t} VALUES (200, 'c', 1); COMMIT`,
    )
    await server.sql(`CREATE TABLE ${t}_d PARTITION OF ${t} FOR VALUES FROM (300) TO (400) PARTITION BY RANGE (id)`)
    await server.sql(`CREATE TABLE ${t}_d1 PARTITION OF ${t}_d FOR VALUES FROM (300) TO (350)`)
    await server.sql(`CREATE TABLE ${t}_rest PARTITION OF ${t} DEFAULT`)
    await server.sql(`INSERT INTO ${t} VALUES (300, 'd', 2), (1000, 'rest', 3)`)
    await server.sql(`UPDATE ${t} SET n = 4 WHERE id = 300`)
    await feed.row(4)
    assert.deepEqual(shown(feed).slice(0, 1), [row(t, 200, 'c', 1)])
    assert.deepEqual(shown(feed).slice(1, 3).toSorted(), [row(t, 1000, 'rest', 3), row(t, 300, 'd', 2)])
    assert.deepEqual(shown(feed).slice(3), [row(t, 300, 'd', 4)])
  })

  test('the rows of an attached partition are read as of the ATTACH, at its time, and its later changes follow', async () => {
    const t = await partitioned()
    await server.sql(
      `CREATE TABLE ${t}_old (name text, id int NOT NULL, n int); INSERT INTO ${t}_old SELECT 'old', i, i FROM generate_series(200, 202) i`,
    )
    await using feed = await open(`CREATE CHANGEFEED FOR ${t} WITH initial_scan = 'no', updated, resolved`)
    await feed.resolvedPast(zeroHlc)
    await server.sql(
      `BEGIN; INSERT INTO ${t} VALUES (1, 'a', 1); INSERT INTO ${t}_old VALUES ('own', 203, 203);
       ALTER TABLE ${t} ATTACH PARTITION ${t}_old FOR VALUES FROM (200) TO (300); INSERT INTO ${t} VALUES (204, 'new', 204); COMMIT`,
    )
    if (isPrepared) await until('the attached rows are read', 20_000, () => feed.rows.length > 5 || undefined)
    await server.sql(`UPDATE ${t} SET n = 0 WHERE id = 200`)
    await feed.row(7)
    const texts = shown(feed)
    const read = [row(t, 201, 'old', 201), row(t, 202, 'old', 202), row(t, 203, 'own', 203)]
    assert.deepEqual(
      texts.filter((text) => read.includes(text)),
      read,
    )
    assert.equal(texts.at(-1), row(t, 200, 'old', 0))
    for (const one of [row(t, 1, 'a', 1), row(t, 204, 'new', 204)]) assert.ok(texts.includes(one), one)
    const times = new Set(feed.rows.slice(0, -1).map(({ value }) => hlcOf(value, 'updated').wall))
    assert.equal(times.size, isPrepared ? 2 : 1, 'the rows have the time of the ATTACH')
  })

  test('a partition that is detached, dropped or attached without rows is announced, and the changefeed goes on without it', async () => {
    const t = await partitioned()
    await server.sql(`INSERT INTO ${t} VALUES (1, 'a', 1), (101, 'b', 2)`)
    await using feed = await open(`CREATE CHANGEFEED FOR ${t} WITH initial_scan = 'no', resolved`)
    await feed.resolvedPast(zeroHlc)
    await server.sql(`ALTER TABLE ${t} DETACH PARTITION ${t}_b`)
    await server.sql(`INSERT INTO ${t}_b VALUES (102, 'unseen', 3)`)
    await server.sql(`UPDATE ${t} SET n = 5 WHERE id = 1`)
    await feed.row(1)
    await server.sql(`TRUNCATE ${t}_b`)
    await server.sql(`ALTER TABLE ${t} DETACH PARTITION ${t}_a CONCURRENTLY`)
    // The leaf was in the publication itself before: a row from before it is known to be detached could be either.
    if (isPrepared)
      await until('the detached partition is announced', 20_000, () => isTold(feed, `"${t}_a"`) || undefined)
    await server.sql(`INSERT INTO ${t}_a (id, name, n) VALUES (3, 'unseen', 3)`)
    await server.sql(`CREATE TABLE ${t}_c PARTITION OF ${t} FOR VALUES FROM (200) TO (300)`)
    await server.sql(`INSERT INTO ${t} VALUES (200, 'c', 6)`)
    await feed.row(2)
    await server.sql(`DROP TABLE ${t}_c`)
    await server.sql(`CREATE TABLE ${t}_e PARTITION OF ${t} FOR VALUES FROM (300) TO (400)`)
    await server.sql(`INSERT INTO ${t} VALUES (300, 'e', 7)`)
    await feed.row(3)
    assert.deepEqual(shown(feed), [row(t, 1, 'a', 5), row(t, 200, 'c', 6), row(t, 300, 'e', 7)])
    await until('the dropped partition is announced', 20_000, () => isTold(feed, `"${t}_c"`) || undefined)
    const told = feed.notices.filter((text) => text.includes('partition'))
    assert.match(told.join('\n'), new RegExp(`${t}_b.*detached(.|\n)*${t}_a.*detached(.|\n)*${t}_c.*dropped`))
  })

  test('a partition that is emptied between DETACH and ATTACH is announced, also where one transaction does all of that', async () => {
    for (const [begin, commit] of [
      ['BEGIN; ', '; COMMIT'],
      ['', ''],
    ]) {
      const t = await partitioned()
      await server.sql(`INSERT INTO ${t} VALUES (1, 'a', 1), (101, 'b', 2)`)
      await using feed = await open(`CREATE CHANGEFEED FOR ${t} WITH initial_scan = 'no', resolved`)
      await using passes = await open(
        `CREATE CHANGEFEED FOR ${t} WITH initial_scan = 'no', resolved, schema_change_policy = 'nobackfill'`,
      )
      for (const one of [feed, passes]) await one.resolvedPast(zeroHlc)
      await server.sql(
        `${begin}ALTER TABLE ${t} DETACH PARTITION ${t}_b; TRUNCATE ${t}_b; ALTER TABLE ${t} ATTACH PARTITION ${t}_b FOR VALUES FROM (100) TO (200)${commit}`,
      )
      await server.sql(`UPDATE ${t} SET n = 5 WHERE id = 1`)
      for (const one of [feed, passes]) {
        const isSaid = (): boolean => one.notices.some((text) => text.includes(`partition "${t}_b" of "${t}"`))
        await until(
          'it is said, or the changefeed has ended',
          20_000,
          () => isSaid() || one.error !== undefined || undefined,
        )
      }
      await until(
        'the changefeed goes on',
        20_000,
        () => feed.texts.some((text) => text.includes('"n": 5')) || undefined,
      )
    }
  })

  test('TRUNCATE of the table, of a partition or of a partition with partitions ends the changefeed with its name', async () => {
    for (const which of ['', '_b', '_m', '_m1']) {
      const t = await partitioned()
      await server.sql(
        `CREATE TABLE ${t}_m PARTITION OF ${t} FOR VALUES FROM (200) TO (300) PARTITION BY RANGE (id); CREATE TABLE ${t}_m1 PARTITION OF ${t}_m FOR VALUES FROM (200) TO (250)`,
      )
      await using feed = await open(`CREATE CHANGEFEED FOR ${t} WITH initial_scan = 'no', resolved`)
      await feed.resolvedPast(zeroHlc)
      await server.sql(`TRUNCATE ${t}${which}`)
      await feed.ended
      assert.match(feed.error?.message ?? '', new RegExp(`^(partition "${t}_.*" of )?"${t}" was truncated$`))
    }
  })

  test('ALTER of the table reads the rows of all leaves again once, at one time', async () => {
    const t = await partitioned()
    await server.sql(`INSERT INTO ${t} VALUES (1, 'a', 1), (101, 'b', 2)`)
    await using feed = await open(`CREATE CHANGEFEED FOR ${t} WITH initial_scan = 'no', updated, resolved`)
    await feed.resolvedPast(zeroHlc)
    await server.sql(`ALTER TABLE ${t} ADD COLUMN more int DEFAULT 7`)
    await feed.row(2)
    await server.sql(`ALTER TABLE ${t} ALTER COLUMN n TYPE bigint USING n * 2`)
    await feed.row(4)
    await server.sql(`UPDATE ${t} SET more = 8 WHERE id = 1`)
    await feed.row(5)
    const rows = feed.rows.map(({ value }) => /"after": (\{.*?\})/.exec(value)?.[1])
    assert.deepEqual(rows.slice(0, 2).toSorted(), [
      '{"id": 1, "more": 7, "n": 1, "name": "a"}',
      '{"id": 101, "more": 7, "n": 2, "name": "b"}',
    ])
    assert.deepEqual(rows.slice(2, 4).toSorted(), [
      '{"id": 1, "more": 7, "n": 2, "name": "a"}',
      '{"id": 101, "more": 7, "n": 4, "name": "b"}',
    ])
    const times = feed.rows.map(({ value }) => hlcOf(value, 'updated').wall)
    assert.equal(times[0], times[1])
    assert.equal(times[2], times[3])
  })

  test(
    'under the policies stop and nobackfill an ATTACH of rows stops the changefeed, or is passed over',
    { skip: isPrepared && 'a new partition with rows cannot be told from an attached one there' },
    async () => {
      const t = await partitioned()
      await server.sql(
        `CREATE TABLE ${t}_old (id int NOT NULL, name text, n int); INSERT INTO ${t}_old VALUES (200, 'old', 1)`,
      )
      await using stops = await open(
        `CREATE CHANGEFEED FOR ${t} WITH initial_scan = 'no', resolved, schema_change_policy = 'stop'`,
      )
      await using passes = await open(
        `CREATE CHANGEFEED FOR ${t} WITH initial_scan = 'no', resolved, schema_change_policy = 'nobackfill'`,
      )
      await stops.resolvedPast(zeroHlc)
      await passes.resolvedPast(zeroHlc)
      await server.sql(`CREATE TABLE ${t}_e PARTITION OF ${t} FOR VALUES FROM (300) TO (400)`)
      await server.sql(`ALTER TABLE ${t} DETACH PARTITION ${t}_b`)
      await server.sql(`INSERT INTO ${t} VALUES (300, 'e', 1)`)
      await stops.row(1)
      await server.sql(`ALTER TABLE ${t} ATTACH PARTITION ${t}_old FOR VALUES FROM (200) TO (300)`)
      await server.sql(`UPDATE ${t} SET n = 2 WHERE id = 200`)
      await passes.row(2)
      assert.deepEqual(shown(passes), [row(t, 300, 'e', 1), row(t, 200, 'old', 2)])
      await stops.ended
      assert.match(stops.error?.message ?? '', /^schema change occurred at /)
      assert.deepEqual(shown(stops), [row(t, 300, 'e', 1)])
    },
  )

  test(
    'a leaf and a partition with partitions are targets of other changefeeds, each with its own name',
    {
      skip: isPrepared && 'a partition that is detached is not published there, unless it is in the publication itself',
    },
    async () => {
      const t = await partitioned()
      await server.sql(
        `CREATE TABLE ${t}_m PARTITION OF ${t} FOR VALUES FROM (200) TO (300) PARTITION BY RANGE (id); CREATE TABLE ${t}_m1 PARTITION OF ${t}_m FOR VALUES FROM (200) TO (250);
       INSERT INTO ${t} VALUES (1, 'a', 1), (200, 'm', 2)`,
      )
      await using root = await open(`CREATE CHANGEFEED FOR ${t}`)
      await using middle = await open(`CREATE CHANGEFEED FOR ${t}_m`)
      await using leaf = await open(`CREATE CHANGEFEED FOR ${t}_m1`)
      await Promise.all([root.row(2), middle.row(1), leaf.row(1)])
      await server.sql(`ALTER TABLE ${t} DETACH PARTITION ${t}_m`)
      await server.sql(`UPDATE ${t}_m SET n = 3`)
      await Promise.all([middle.row(2), leaf.row(2)])
      await server.sql(`ALTER TABLE ${t}_m DETACH PARTITION ${t}_m1`)
      await server.sql(`UPDATE ${t}_m1 SET n = 4`)
      await leaf.row(3)
      await server.sql(`UPDATE ${t} SET n = 9`)
      await root.row(3)
      assert.deepEqual(shown(root).toSorted(), [row(t, 1, 'a', 1), row(t, 1, 'a', 9), row(t, 200, 'm', 2)].toSorted())
      assert.deepEqual(shown(middle), [row(`${t}_m`, 200, 'm', 2), row(`${t}_m`, 200, 'm', 3)])
      assert.deepEqual(
        shown(leaf),
        [2, 3, 4].map((n) => row(`${t}_m1`, 200, 'm', n)),
      )
      await assert.rejects(
        open(`CREATE CHANGEFEED FOR ${t}, ${t}_b`).then((feed) => feed.ended.then(() => Promise.reject(feed.error))),
        {
          message: `table "${t}_b" is a partition of "${t}", which is a target as well`,
        },
      )
    },
  )
}
