// The script for a DBA, run with psql where there is one, on every version: what it makes, that it may run again, and that no
// write of an application fails because of it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { postgresVersions, skipVersion } from '../../../test/support/servers/postgres-versions.ts'
import { versionsOfRun } from '../../../test/support/servers/server-of-tests.ts'
import { attachedRolesSql } from '../../jobs/rights-sql.ts'
import { openRawConnection } from '../../postgres/raw-connection.ts'
import { lookAtTables, type TableName } from './look-at-tables.ts'
import { setupScript, type SetupOptions } from './setup-script.ts'

const psql = ['/usr/bin/psql', '/usr/lib/postgresql/15/bin/psql'].find(
  (path) => spawnSync(path, ['--version']).status === 0,
)

const base: Omit<SetupOptions, 'tables'> = {
  database: 'shop',
  role: 'Cdc "role"',
  fullTables: [],
  hasState: true,
  groupRolesSql: undefined,
  seen: undefined,
}

function names(...tables: readonly string[]): readonly TableName[] {
  return tables.map((text) => {
    const [schema = '', name = ''] = text.split('.')
    return { schema, name }
  })
}

/** Rejects as psql fails. */
async function run(server: PostgresServerUnderTest, script: string, role?: string): Promise<void> {
  if (psql === undefined) return void (await server.sql(script.replace(/^\\.*$/gm, ''), 'shop', role))
  const dir = mkdtempSync(join(tmpdir(), 'setup-script-'))
  try {
    const file = join(dir, 'prepare.sql')
    writeFileSync(file, script)
    const { status, stderr } = spawnSync(psql, ['--no-psqlrc', '-d', server.localUrl('shop', role), '-f', file], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function shop(server: PostgresServerUnderTest, sql: string): Promise<void> {
  await server.sql('CREATE DATABASE shop')
  await server.sql(sql, 'shop')
}

const made = `SELECT split_part(obj_description(p.oid, 'pg_publication'), E'\\n', 1), pubinsert AND pubupdate AND pubdelete AND pubtruncate AND NOT pubviaroot, to_jsonb(p) ->> 'pubgencols' FROM pg_publication p
  UNION ALL SELECT string_agg(prrelid::regclass::text, ' ' ORDER BY prrelid::regclass::text), true, NULL FROM pg_publication_rel`

/** Tables, and for each the columns that an UPDATE sets. */
const zoo = `CREATE SCHEMA "S.1"; CREATE TABLE plain (id int PRIMARY KEY, n int); CREATE TABLE docs (id int PRIMARY KEY, n int, body text);
  CREATE TABLE "S.1"."Big ""One""" (id int PRIMARY KEY, n int);
  CREATE TABLE by_index (a int NOT NULL, n int); CREATE UNIQUE INDEX by_index_a ON by_index (a); ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_a;
  CREATE TABLE whole (n int, m int); ALTER TABLE whole REPLICA IDENTITY FULL;
  CREATE TABLE made (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED, body text);
  CREATE TABLE parted (id int, day int, n int, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1); CREATE TABLE parted_2 (n int, x int, id int NOT NULL, day int NOT NULL); ALTER TABLE parted_2 DROP COLUMN x; ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES IN (2);
  CREATE TABLE mother (id int PRIMARY KEY, n int); CREATE TABLE child (m int) INHERITS (mother)`

const writes = [
  `INSERT INTO plain VALUES (1, 1); UPDATE plain SET n = 2; DELETE FROM plain`,
  `INSERT INTO docs VALUES (1, 1, repeat('x', 20000)); UPDATE docs SET n = 2; DELETE FROM docs`,
  `INSERT INTO "S.1"."Big ""One""" VALUES (1, 1); UPDATE "S.1"."Big ""One""" SET n = 2; DELETE FROM "S.1"."Big ""One"""`,
  `INSERT INTO by_index VALUES (1, 1); UPDATE by_index SET n = 2, a = 2; DELETE FROM by_index`,
  `INSERT INTO whole VALUES (1, 1); UPDATE whole SET n = 2; DELETE FROM whole`,
  `INSERT INTO made VALUES (1, 1); UPDATE made SET n = 2; DELETE FROM made`,
  `INSERT INTO parted VALUES (1, 1, 1), (1, 2, 2); UPDATE parted SET n = 3; UPDATE parted SET day = 1, id = 7 WHERE day = 2; DELETE FROM parted`,
  `INSERT INTO mother VALUES (1, 1); INSERT INTO child VALUES (2, 2); UPDATE mother SET n = 2; DELETE FROM mother`,
]

const all = [
  'public.plain',
  'public.docs',
  'S.1.Big "One"',
  'public.by_index',
  'public.whole',
  'public.made',
  'public.parted',
  'public.mother',
]

for (const version of versionsOfRun(postgresVersions)) {
  test(
    `${version}: the script prepares all kinds of tables, again and again, and every write of an application goes on`,
    { skip: skipVersion(version) },
    async () => {
      await using server = await PostgresServerUnderTest.start({ version })
      await shop(server, zoo)
      const tables = all.map(
        (name) => (name.startsWith('S.1') ? { schema: 'S.1', name: name.slice(4) } : names(name)[0]) as TableName,
      )
      const script = setupScript({
        ...base,
        tables,
        fullTables: names('public.plain'),
        groupRolesSql: attachedRolesSql,
      })
      await run(server, script)
      const [publication, members] = await server.sql(made, 'shop')
      assert.deepEqual(publication, [
        'pg-changefeed: prepared by a script of changefeed setup-sql',
        't',
        version === 18 ? 's' : null,
      ])
      assert.equal(members?.[0]?.split(' ').length, 9)
      const identities = await server.sql(
        `SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relreplident = 'f' AND oid >= 16384`,
        'shop',
      )
      assert.deepEqual(identities, [['docs made plain whole']])
      for (const sql of writes) await server.sql(sql, 'shop')
      const rows = await server.sql(
        'SELECT count(*) FROM parted_2; SELECT count(*) FROM "S.1"."Big ""One"""',
        'shop',
        'Cdc "role"',
      )
      assert.deepEqual(rows, [['0'], ['0']])
      await server.sql('CREATE TABLE changefeed_state.t ()', 'shop', 'Cdc "role"')
      const before = await server.sql(
        `SELECT oid, xmin FROM pg_publication UNION ALL SELECT oid, xmin FROM pg_publication_rel UNION ALL SELECT oid, xmin FROM pg_class WHERE oid >= 16384 UNION ALL SELECT oid, xmin FROM pg_roles r JOIN pg_authid USING (oid) ORDER BY 1`.replace(
          'SELECT oid, xmin FROM pg_roles r JOIN pg_authid USING (oid)',
          'SELECT oid, xmin FROM pg_authid',
        ),
        'shop',
      )
      await run(server, script)
      const after = await server.sql(
        `SELECT oid, xmin FROM pg_publication UNION ALL SELECT oid, xmin FROM pg_publication_rel UNION ALL SELECT oid, xmin FROM pg_class WHERE oid >= 16384 UNION ALL SELECT oid, xmin FROM pg_authid ORDER BY 1`,
        'shop',
      )
      assert.deepEqual(after, before, 'a second run writes nothing, so that no feed sees a change')
    },
  )

  test(
    `${version}: a table whose writes would fail is refused with the ways out, and nothing at all is done`,
    { skip: skipVersion(version) },
    async () => {
      await using server = await PostgresServerUnderTest.start({ version })
      const tables: Record<string, string> = {
        keyless: 'CREATE TABLE keyless (n int)',
        nothing: 'CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING',
        late: 'CREATE TABLE late (id int PRIMARY KEY DEFERRABLE)',
        lost: 'CREATE TABLE lost (id int NOT NULL); CREATE UNIQUE INDEX lost_id ON lost (id); ALTER TABLE lost REPLICA IDENTITY USING INDEX lost_id; DROP INDEX lost_id',
        partly:
          'CREATE TABLE partly (id int, day int, body text) PARTITION BY LIST (day); CREATE TABLE partly_1 PARTITION OF partly FOR VALUES IN (1)',
        ...(version === 18
          ? {
              virtual:
                'CREATE TABLE virtual (id int PRIMARY KEY, body text, v int GENERATED ALWAYS AS (id * 2) VIRTUAL)',
            }
          : {}),
        ...(version >= 15
          ? {
              narrow:
                'CREATE TABLE narrow (id int PRIMARY KEY, n int, body text); CREATE PUBLICATION other FOR TABLE narrow (id, n)',
            }
          : {}),
      }
      await shop(server, `CREATE TABLE good (id int PRIMARY KEY, body text); ${Object.values(tables).join('; ')}`)
      for (const name of Object.keys(tables)) {
        const script = setupScript({ ...base, tables: names('public.good', `public.${name}`) })
        await assert.rejects(run(server, script), /is not published|with REPLICA IDENTITY FULL/, name)
      }
      assert.deepEqual(
        await server.sql(
          `SELECT (SELECT count(*) FROM pg_publication WHERE pubname = 'pg_changefeed'), (SELECT relreplident FROM pg_class WHERE relname = 'good'), (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'Cdc%')`,
          'shop',
        ),
        [['0', 'd', '0']],
      )
    },
  )
}

test('looking at the tables says what the script will do, and refuses what would make writes fail', async () => {
  await using server = await PostgresServerUnderTest.start()
  await shop(server, `${zoo}; CREATE TABLE keyless (n int)`)
  await using connection = await openRawConnection({ source: server.source('shop') })
  const look = (name: string, isFull = false) =>
    lookAtTables(
      connection,
      names(name).map((table) => ({ ...table, isFull })),
    )
  assert.deepEqual(await look('public.plain'), [{ name: 'public.plain', what: [] }])
  assert.match((await look('public.docs'))[0]?.what[0] ?? '', /TOAST/)
  assert.match((await look('public.whole'))[0]?.what[0] ?? '', /no primary key: no changefeed can start/)
  assert.match((await look('public.plain', true))[0]?.what[0] ?? '', /diff/)
  await assert.rejects(look('public.keyless'), {
    code: 'FEED_TARGET',
    hint: /ADD PRIMARY KEY .* USING INDEX .* REPLICA IDENTITY FULL is not enough: no changefeed can start/,
  })
  await assert.rejects(look('public.none'), { code: 'FEED_NO_TABLE' })
})

test('a partition whose name would end the line of the statements that undo the script is refused', async () => {
  await using server = await PostgresServerUnderTest.start()
  await shop(
    server,
    'CREATE TABLE p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id); CREATE TABLE "x\nDROP TABLE victim; --" PARTITION OF p FOR VALUES FROM (0) TO (9)',
  )
  await assert.rejects(
    run(server, setupScript({ ...base, tables: names('public.p') })),
    /p is not published: the name "x\\nDROP TABLE victim; --" has a control character/,
  )
})

for (const version of versionsOfRun(postgresVersions)) {
  test(
    `${version}: a publication that the script did not make stays as it is, and so do the writes of the tables that it has`,
    { skip: skipVersion(version) },
    async () => {
      await using server = await PostgresServerUnderTest.start({ version })
      await shop(
        server,
        `CREATE TABLE plain (id int PRIMARY KEY, v text); CREATE TABLE keyless (id int, v text); INSERT INTO keyless VALUES (1, 'a');
         CREATE PUBLICATION pg_changefeed FOR TABLE keyless WITH (publish = 'insert')`,
      )
      const script = setupScript({ ...base, tables: names('public.plain') })
      await assert.rejects(run(server, script), /publication pg_changefeed exists and was not made by this script/)
      await server.sql(
        `COMMENT ON PUBLICATION pg_changefeed IS 'pg-changefeed: prepared by a script of changefeed setup-sql'`,
        'shop',
      )
      await assert.rejects(run(server, script), /UPDATEs and DELETEs of table public\.keyless, and they would fail/)
      await server.sql(`UPDATE keyless SET v = 'b'`, 'shop')
      await server.sql('ALTER TABLE keyless ADD PRIMARY KEY (id)', 'shop')
      await run(server, script)
      await server.sql(`UPDATE keyless SET v = 'c'`, 'shop')
      const [row] = await server.sql(
        `SELECT obj_description(oid, 'pg_publication'), pubupdate FROM pg_publication`,
        'shop',
      )
      assert.match(row?.[0] ?? '', /^pg-changefeed: prepared by a script of changefeed setup-sql\n/)
      assert.equal(row?.[1], 't')
    },
  )
}

test('readers of a table that gets REPLICA IDENTITY FULL go on while another such table is in use', async () => {
  await using server = await PostgresServerUnderTest.start()
  await shop(server, 'CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text)')
  await using user = await openRawConnection({ source: server.source('shop') })
  await using reader = await openRawConnection({ source: server.source('shop') })
  await user.query('BEGIN')
  await user.query('SELECT FROM public.b')
  // Not with psql, which would keep this process from reading.
  const script = setupScript({ ...base, tables: names('public.a', 'public.b') }).replace(/^\\.*$/gm, '')
  const running = server.sql(script, 'shop')
  running.catch(() => undefined)
  const waits = `SELECT count(*) FROM pg_locks WHERE relation = 'public.b'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted`
  await reader.query(`SET statement_timeout = '2s'`)
  const deadline = Date.now() + 20_000
  for (let seen = 0; seen < 3;) {
    assert.ok(Date.now() < deadline, 'the script asks for the lock again and again')
    const [row] = await reader.query(waits)
    if (row?.[0] === '0') continue
    seen++
    await reader.query('SELECT FROM public.a')
  }
  await user.query('COMMIT')
  await running
  assert.deepEqual(await server.sql(`SELECT relreplident FROM pg_class WHERE relname IN ('a', 'b')`, 'shop'), [
    ['f'],
    ['f'],
  ])
})

test('a schema of jobs and settings that belongs to another role is refused, with the way out', async () => {
  await using server = await PostgresServerUnderTest.start()
  await shop(
    server,
    'CREATE TABLE plain (id int PRIMARY KEY); CREATE SCHEMA changefeed_state; CREATE TABLE changefeed_state.jobs (a int)',
  )
  const script = setupScript({ ...base, tables: names('public.plain') })
  await assert.rejects(
    run(server, script),
    /changefeed_state\.jobs in database "shop" belongs to role postgres, so a server that logs in as "Cdc ""role""" does not start/,
  )
  await server.sql('DROP TABLE changefeed_state.jobs', 'shop')
  await run(server, script)
})
