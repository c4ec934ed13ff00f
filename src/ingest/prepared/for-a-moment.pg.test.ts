// What a DBA does for a moment, and undoes before anybody has looked: rows that were written meanwhile are in the log, or a gap says that
// they may be missing.

import assert from 'node:assert/strict'
import test from 'node:test'
import { following } from '../../../test/support/following.ts'
import { PostgresServerUnderTest } from '../../../test/support/postgres-server.ts'
import { preparedDatabase } from '../../../test/support/prepared-database.ts'
import type { LogEvent } from '../../../test/support/read-log.ts'
import { within } from '../../../test/support/until.ts'
import { skipVersion } from '../../../test/support/servers/postgres-versions.ts'
import { needsVersion, versionsOfRun } from '../../../test/support/servers/server-of-tests.ts'

const mark = `COMMENT ON PUBLICATION pg_changefeed IS 'pg-changefeed: prepared by a script of changefeed setup-sql'`

const tables = `CREATE SCHEMA s; CREATE SCHEMA other; CREATE TABLE s.t (id int PRIMARY KEY, n int); CREATE TABLE s.u (id int PRIMARY KEY, n int)`

interface Moment {
  readonly what: string
  readonly of: string
  readonly away: readonly string[]
  /** The name of the table meanwhile. */
  readonly name?: string
  readonly back: readonly string[]
}

const named = 'FOR TABLE s.t, s.u'
const schema = 'FOR TABLES IN SCHEMA s'
const every = 'FOR ALL TABLES'

const moments: readonly Moment[] = [
  {
    what: 'the table is in another schema',
    of: schema,
    away: ['ALTER TABLE s.t SET SCHEMA other'],
    name: 'other.t',
    back: ['ALTER TABLE other.t SET SCHEMA s'],
  },
  {
    what: 'the schema is not in the publication',
    of: schema,
    away: ['ALTER PUBLICATION pg_changefeed DROP TABLES IN SCHEMA s'],
    back: ['ALTER PUBLICATION pg_changefeed ADD TABLES IN SCHEMA s'],
  },
  {
    what: 'the publication has another schema',
    of: schema,
    away: ['ALTER PUBLICATION pg_changefeed SET TABLES IN SCHEMA other'],
    back: ['ALTER PUBLICATION pg_changefeed SET TABLES IN SCHEMA s'],
  },
  {
    what: 'the schema has another name, and another schema has its name',
    of: schema,
    away: ['ALTER SCHEMA s RENAME TO s1', 'ALTER SCHEMA other RENAME TO s', 'ALTER TABLE s1.t SET SCHEMA s'],
    back: ['ALTER TABLE s.t SET SCHEMA s1', 'ALTER SCHEMA s RENAME TO other', 'ALTER SCHEMA s1 RENAME TO s'],
  },
  ...[schema, every].map((of) => ({
    what: 'the table is unlogged',
    of,
    away: ['ALTER TABLE s.t SET UNLOGGED'],
    back: ['ALTER TABLE s.t SET LOGGED'],
  })),
  {
    what: 'the table is not in the publication',
    of: named,
    away: ['ALTER PUBLICATION pg_changefeed DROP TABLE s.t'],
    back: ['ALTER PUBLICATION pg_changefeed ADD TABLE s.t'],
  },
  {
    what: 'the publication has only the other table',
    of: named,
    away: ['ALTER PUBLICATION pg_changefeed SET TABLE s.u'],
    back: ['ALTER PUBLICATION pg_changefeed SET TABLE s.t, s.u'],
  },
  {
    what: 'the publication does not exist',
    of: named,
    away: ['DROP PUBLICATION pg_changefeed'],
    back: [`CREATE PUBLICATION pg_changefeed FOR TABLE s.t, s.u; ${mark}`],
  },
  {
    what: 'the publication has another name',
    of: named,
    away: ['ALTER PUBLICATION pg_changefeed RENAME TO other'],
    back: ['ALTER PUBLICATION other RENAME TO pg_changefeed'],
  },
  {
    what: 'only deletes are published',
    of: named,
    away: [`ALTER PUBLICATION pg_changefeed SET (publish = 'delete')`],
    back: [`ALTER PUBLICATION pg_changefeed SET (publish = 'insert, update, delete, truncate')`],
  },
  {
    what: 'rows are filtered',
    of: named,
    away: ['ALTER PUBLICATION pg_changefeed SET TABLE s.t WHERE (id = 1), s.u'],
    back: ['ALTER PUBLICATION pg_changefeed SET TABLE s.t, s.u'],
  },
  {
    what: 'columns are left out',
    of: named,
    away: ['ALTER PUBLICATION pg_changefeed SET TABLE s.t (id), s.u'],
    back: ['ALTER PUBLICATION pg_changefeed SET TABLE s.t, s.u'],
  },
  {
    what: 'the table has another name',
    of: named,
    away: ['ALTER TABLE s.t RENAME TO v'],
    name: 's.v',
    back: ['ALTER TABLE s.v RENAME TO t'],
  },
  {
    what: 'two tables have each the name of the other',
    of: named,
    away: ['ALTER TABLE s.t RENAME TO v', 'ALTER TABLE s.u RENAME TO t', 'ALTER TABLE s.v RENAME TO u'],
    name: 's.u',
    back: ['ALTER TABLE s.t RENAME TO v', 'ALTER TABLE s.u RENAME TO t', 'ALTER TABLE s.v RENAME TO u'],
  },
  {
    what: 'triggers do not fire',
    of: named,
    away: ['SET session_replication_role = replica'],
    back: ['RESET session_replication_role'],
  },
  {
    what: 'the publication and the one that kept the table logged do not name it',
    of: `${every}; CREATE PUBLICATION second FOR TABLE s.t`,
    away: ['ALTER PUBLICATION second DROP TABLE s.t', 'ALTER TABLE s.t SET UNLOGGED'],
    back: ['ALTER TABLE s.t SET LOGGED', 'ALTER PUBLICATION second ADD TABLE s.t'],
  },
]

async function check(server: PostgresServerUnderTest, { of, away, name = 's.t', back }: Moment): Promise<void> {
  await using db = await preparedDatabase(
    server,
    tables,
    (role) =>
      `GRANT USAGE ON SCHEMA s, other TO ${role}; GRANT SELECT ON s.t, s.u TO ${role}; CREATE PUBLICATION pg_changefeed ${of}; ${mark}`,
  )
  await using all = await following(db)
  await db.sql('INSERT INTO s.t VALUES (1, 1)')
  assert.deepEqual(await all.story(), ['1'])
  await using dba = await db.connect()
  for (const sql of away) await dba.query(sql)
  await dba.query(`INSERT INTO ${name} VALUES (2, 2)`)
  for (const sql of back) await dba.query(sql)
  await dba.query('INSERT INTO s.t VALUES (3, 3)')
  if ((await all.story()).includes('2')) return
  const mayBeUnlogged = (event: LogEvent): boolean =>
    event.tag === 'transaction' && event.schemas.some((json) => json.includes('"unlogged"'))
  await within(20_000, 'the loss is said', () => {
    all.thread.checkNow()
    return all.gaps.length > 0 || all.events().some(mayBeUnlogged)
  })
}

for (const version of versionsOfRun([15, 18]))
  test(`${version}: no row is lost silently`, { skip: needsVersion(15) || skipVersion(version) }, async (t) => {
    await using server = await PostgresServerUnderTest.start({ version })
    for (const moment of moments)
      await t.test(`that is written while ${moment.what} (${moment.of})`, () => check(server, moment))
  })
