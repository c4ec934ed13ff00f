// Whatever tables somebody has: a changefeed of one is refused with the reason, or it runs, and in both cases every write of the
// application goes on. On every version, where we install what we need, and where a DBA has prepared what the script refuses nowhere.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { AttachedUnderTest } from '../support/attached-under-test.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { postgresVersions, skipVersion, type PostgresVersion } from '../support/servers/postgres-versions.ts'
import { within } from '../support/until.ts'

/** A table, what its application writes, and since which version PostgreSQL has it. */
interface Kind {
  readonly made: string
  readonly writes: string
  readonly since?: PostgresVersion
}

const kinds: Readonly<Record<string, Kind>> = {
  plain: {
    made: 'CREATE TABLE plain (id int PRIMARY KEY, n int)',
    writes: 'INSERT INTO plain VALUES (1, 1); UPDATE plain SET n = 2; DELETE FROM plain',
  },
  large: {
    made: 'CREATE TABLE large (id int PRIMARY KEY, n int, t text)',
    writes: 'INSERT INTO large VALUES (1, 1); UPDATE large SET n = 2; DELETE FROM large',
  },
  keyless: {
    made: 'CREATE TABLE keyless (n int)',
    writes: 'INSERT INTO keyless VALUES (1); UPDATE keyless SET n = 2; DELETE FROM keyless',
  },
  nothing: {
    made: 'CREATE TABLE nothing (id int PRIMARY KEY, n int); ALTER TABLE nothing REPLICA IDENTITY NOTHING',
    writes: 'INSERT INTO nothing VALUES (1, 1); UPDATE nothing SET n = 2; DELETE FROM nothing',
  },
  late: {
    made: 'CREATE TABLE late (id int PRIMARY KEY DEFERRABLE, n int)',
    writes: 'INSERT INTO late VALUES (1, 1); UPDATE late SET n = 2; DELETE FROM late',
  },
  by_index: {
    made: 'CREATE TABLE by_index (a int NOT NULL, n int); CREATE UNIQUE INDEX by_index_a ON by_index (a); ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_a',
    writes: 'INSERT INTO by_index VALUES (1, 1); UPDATE by_index SET n = 2, a = 3; DELETE FROM by_index',
  },
  lost_index: {
    made: 'CREATE TABLE lost_index (a int NOT NULL, n int); CREATE UNIQUE INDEX lost_index_a ON lost_index (a); ALTER TABLE lost_index REPLICA IDENTITY USING INDEX lost_index_a; DROP INDEX lost_index_a',
    writes: 'INSERT INTO lost_index VALUES (1, 1); UPDATE lost_index SET n = 2; DELETE FROM lost_index',
  },
  key_and_lost_index: {
    made: 'CREATE TABLE key_and_lost_index (id int PRIMARY KEY, a int NOT NULL); CREATE UNIQUE INDEX kl_a ON key_and_lost_index (a); ALTER TABLE key_and_lost_index REPLICA IDENTITY USING INDEX kl_a; DROP INDEX kl_a',
    writes:
      'INSERT INTO key_and_lost_index VALUES (1, 1); UPDATE key_and_lost_index SET a = 2; DELETE FROM key_and_lost_index',
  },
  stored: {
    made: 'CREATE TABLE stored (id int PRIMARY KEY, n int, g int GENERATED ALWAYS AS (n + 1) STORED, t text)',
    writes: 'INSERT INTO stored VALUES (1, 1); UPDATE stored SET n = 2; DELETE FROM stored',
  },
  stored_key: {
    made: 'CREATE TABLE stored_key (n int, g int GENERATED ALWAYS AS (n + 1) STORED PRIMARY KEY, m int)',
    writes: 'INSERT INTO stored_key VALUES (1); UPDATE stored_key SET m = 2, n = 4; DELETE FROM stored_key',
  },
  computed: {
    since: 18,
    made: 'CREATE TABLE computed (id int PRIMARY KEY, n int, v int GENERATED ALWAYS AS (n + 1) VIRTUAL)',
    writes: 'INSERT INTO computed VALUES (1, 1); UPDATE computed SET n = 2; DELETE FROM computed',
  },
  computed_large: {
    since: 18,
    made: 'CREATE TABLE computed_large (id int PRIMARY KEY, t text, v int GENERATED ALWAYS AS (id + 1) VIRTUAL)',
    writes: `INSERT INTO computed_large VALUES (1, 'a'); UPDATE computed_large SET t = 'b'; DELETE FROM computed_large`,
  },
  listed: {
    since: 15,
    made: 'CREATE TABLE listed (id int PRIMARY KEY, n int, t text); CREATE PUBLICATION lists FOR TABLE listed (id, n)',
    writes: 'INSERT INTO listed VALUES (1, 1); UPDATE listed SET n = 2; DELETE FROM listed',
  },
  filtered: {
    since: 15,
    made: 'CREATE TABLE filtered (id int PRIMARY KEY, n int, t text); CREATE PUBLICATION filters FOR TABLE filtered WHERE (id > 0)',
    writes: 'INSERT INTO filtered VALUES (1, 1); UPDATE filtered SET n = 2; DELETE FROM filtered',
  },
  left_out: {
    since: 18,
    made: 'CREATE TABLE left_out (id int PRIMARY KEY, n int, g int GENERATED ALWAYS AS (n + 1) STORED, t text); CREATE PUBLICATION leaves_out FOR TABLE left_out',
    writes: 'INSERT INTO left_out VALUES (1, 1); UPDATE left_out SET n = 2; DELETE FROM left_out',
  },
  parted: {
    made: 'CREATE TABLE parted (id int, day int, n int, PRIMARY KEY (id, day)) PARTITION BY LIST (day); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1); CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2)',
    writes:
      'INSERT INTO parted VALUES (1, 1, 1); UPDATE parted SET n = 2; UPDATE parted SET day = 2; DELETE FROM parted',
  },
  parted_keyless: {
    made: 'CREATE TABLE parted_keyless (id int, day int) PARTITION BY LIST (day); CREATE TABLE parted_keyless_1 PARTITION OF parted_keyless FOR VALUES IN (1)',
    writes: 'INSERT INTO parted_keyless VALUES (1, 1); UPDATE parted_keyless SET id = 2; DELETE FROM parted_keyless',
  },
  mother: {
    made: 'CREATE TABLE mother (id int PRIMARY KEY, n int); CREATE TABLE child (m int) INHERITS (mother)',
    writes:
      'INSERT INTO mother VALUES (1, 1); INSERT INTO child VALUES (2, 2); UPDATE mother SET n = 2; DELETE FROM mother',
  },
}

/** Whether every table with rows of this name has whole old rows. */
const isFull = (name: string): string =>
  `SELECT bool_and(relreplident = 'f') FROM pg_class WHERE relkind = 'r' AND (oid = '${name}'::regclass OR oid IN (SELECT relid FROM pg_partition_tree('${name}')))`

for (const version of postgresVersions) {
  test(
    `PostgreSQL ${version}: no write of an application fails because of a changefeed, whatever its table is like`,
    { skip: skipVersion(version) },
    async () => {
      await using postgres = await PostgresServerUnderTest.start({ version })
      await postgres.sql('CREATE DATABASE shop')
      const here = Object.entries(kinds).filter(([, { since = 14 }]) => since <= version)
      for (const [, { made }] of here) await postgres.sql(made, 'shop')
      // What fails by itself, because of a publication of theirs, is no fault of ours.
      const works: (readonly [string, Kind])[] = []
      for (const [name, kind] of here) {
        const isFine = await postgres.sql(kind.writes, 'shop').then(
          () => true,
          () => false,
        )
        if (isFine) works.push([name, kind])
      }
      assert.ok(works.length >= here.length - 1)
      await using server = await AttachedUnderTest.start({ source: postgres.source('shop', 'postgres') })
      const client = await server.connect({ user: 'postgres', database: 'shop' })
      await client.query('SET CLUSTER SETTING kv.rangefeed.enabled = true')
      const refused: string[] = []
      for (const [name, { writes }] of works) {
        const check = (error: pg.DatabaseError): void => {
          assert.match(error.code ?? '', /^(42809|42501|0A000|55000)$/, `${name}: ${error.message}`)
          refused.push(`${name}: ${error.message}`)
        }
        const write = async (how: string): Promise<void> => {
          await postgres.sql(writes, 'shop').catch((error: Error) => assert.fail(`${name} ${how}: ${error.message}`))
        }
        await client.query(`EXPERIMENTAL CHANGEFEED FOR ${name} WITH initial_scan = 'only'`).catch(check)
        await write('after a scan')
        const following = await server.connect({ user: 'postgres', database: 'shop' })
        let isOver = false
        const ended = following.query(`EXPERIMENTAL CHANGEFEED FOR ${name} WITH diff`).then(
          () => (isOver = true),
          (error: pg.DatabaseError) => {
            if (!isOver) check(error)
            isOver = true
          },
        )
        await within(
          30_000,
          `a changefeed of ${name} with diff`,
          async () => isOver || (await postgres.sql(isFull(name), 'shop'))[0]?.[0] === 't',
        )
        await write('with a changefeed with diff')
        isOver = true
        await following.end()
        await ended
      }
      await client.end()
      assert.ok(refused.length > 0 && refused.length < works.length, refused.join('; '))
    },
  )
}
