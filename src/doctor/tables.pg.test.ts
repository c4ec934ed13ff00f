// Tables with one thing wrong each: the doctor finds that thing and nothing else, and where its remedy is SQL, the remedy puts it right.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { ExaminedServer, found, only, type ExpectedFinding } from '../../test/support/examined-server.ts'

let server: ExaminedServer
before(async () => {
  server = await ExaminedServer.start()
})
after(() => server[Symbol.asyncDispose]())

const tables: readonly (ExpectedFinding & { readonly name: string; readonly sql: string })[] = [
  {
    name: 'a table without a primary key',
    sql: 'ALTER TABLE t DROP CONSTRAINT t_pkey',
    id: 'key',
    what: /no primary key/,
    remedy: /ADD PRIMARY KEY/,
  },
  {
    name: 'a unique index in place of a primary key, which is not the replica identity yet',
    sql: 'ALTER TABLE t DROP CONSTRAINT t_pkey; CREATE UNIQUE INDEX by_id ON t (id)',
    id: 'key',
    what: /no primary key/,
    remedy: /^ALTER TABLE public\.t REPLICA IDENTITY USING INDEX by_id; or /,
  },
  {
    name: 'a partitioned table without a primary key',
    sql: 'DROP TABLE t; CREATE TABLE t (id int, v int) PARTITION BY LIST (v)',
    id: 'key',
    what: /no primary key/,
    remedy: /^ALTER TABLE public\.t ADD PRIMARY KEY \(\.\.\.\), which has to contain the columns of its PARTITION BY$/,
  },
  {
    name: 'a sequence',
    sql: 'DROP TABLE t; CREATE SEQUENCE t',
    id: 'table',
    what: /a sequence/,
    remedy: /name the tables whose columns take their values from it/,
  },
  {
    name: 'REPLICA IDENTITY NOTHING',
    sql: 'ALTER TABLE t REPLICA IDENTITY NOTHING',
    id: 'identity',
    verdict: 'warning',
    what: /NOTHING logs no key/,
    remedy: /ALTER TABLE public\.t REPLICA IDENTITY FULL$/,
  },
  {
    name: 'a deferrable primary key',
    sql: 'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id) DEFERRABLE',
    id: 'identity',
    verdict: 'warning',
    what: /deferrable/,
    remedy: /REPLICA IDENTITY FULL$/,
  },
  {
    name: 'values that are stored out of line',
    sql: 'ALTER TABLE t ADD COLUMN long text',
    id: 'identity',
    verdict: 'warning',
    what: /values of long may be stored out of line/,
    remedy: /REPLICA IDENTITY FULL$/,
  },
  {
    name: 'a virtual generated column beside them',
    sql: 'ALTER TABLE t ADD COLUMN long text, ADD COLUMN g int GENERATED ALWAYS AS (v * 2) VIRTUAL',
    id: 'identity',
    what: /virtual generated column "g"/,
    remedy: /STORED, or drop it/,
  },
  {
    name: 'an unlogged table',
    sql: 'ALTER TABLE t SET UNLOGGED',
    id: 'table',
    what: /unlogged/,
    remedy: /^ALTER TABLE public\.t SET LOGGED$/,
  },
  {
    name: 'a foreign table',
    sql: 'DROP TABLE t; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (id int) SERVER s',
    id: 'table',
    what: /a foreign table/,
    remedy: /in the other database/,
  },
  {
    name: 'a view',
    sql: 'ALTER TABLE t RENAME TO u; CREATE VIEW t AS SELECT * FROM u',
    id: 'table',
    what: /a view/,
    remedy: /name the tables behind it/,
  },
  {
    name: 'a partition with REPLICA IDENTITY NOTHING',
    sql: 'DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE one PARTITION OF t FOR VALUES IN (1); CREATE TABLE two PARTITION OF t FOR VALUES IN (2); ALTER TABLE two REPLICA IDENTITY NOTHING',
    id: 'identity',
    verdict: 'warning',
    what: /NOTHING/,
    remedy: /ALTER TABLE ONLY public\.two REPLICA IDENTITY FULL$/,
  },
  {
    name: 'a partition that is unlogged',
    sql: 'DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE one PARTITION OF t FOR VALUES IN (1); CREATE UNLOGGED TABLE two PARTITION OF t FOR VALUES IN (2)',
    id: 'partitions',
    what: /unlogged.*public\.two/,
    remedy: /^ALTER TABLE public\.two SET LOGGED$/,
  },
  {
    name: 'a publication of somebody else with a list of columns, where the identity is FULL',
    sql: 'ALTER TABLE t REPLICA IDENTITY FULL; CREATE PUBLICATION narrow FOR TABLE t (id)',
    id: 'other_publications',
    what: /publication narrow has only some of its columns/,
    remedy: /publish all of its columns/,
  },
  {
    name: 'a table that does not exist',
    sql: 'DROP TABLE t',
    id: 'table',
    what: /does not exist/,
    remedy: /check its name/,
  },
]

for (const { name, sql, ...expected } of tables) {
  test(`of a table: ${name}`, async () => {
    const db = await server.database()
    await db.sql(sql)
    const { remedy = '' } = only(await found(db.owner), expected)
    const [statement = ''] = remedy.replace(/^nothing; or, at a quiet time: /, '').split('; or ')
    if (!/^ALTER TABLE .*(?:FULL|LOGGED|USING INDEX \w+)$/.test(statement)) return
    await db.sql(statement)
    assert.deepEqual(await found(db.owner), [], 'the remedy helps')
  })
}
