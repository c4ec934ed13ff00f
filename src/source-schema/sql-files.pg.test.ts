// The rights that the heads of the SQL files name, against what PostgreSQL lets a role do.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import { needsVersion } from '../../test/support/servers/server-of-tests.ts'
import { TestPostgres } from '../../test/support/postgres-under-test.ts'
import { installFiles, readSqlFile, sqlOf, type SqlFile } from './sql-files.ts'

let server: TestPostgres
before(async () => {
  server = await TestPostgres.start()
})
after(async () => {
  await server[Symbol.asyncDispose]()
})

const needsRights = '42501'

/** Which of the files run for this role, in a database where there is only a schema with a function of an earlier version. */
async function runnable(role: string, isOwner: boolean, maySetTimeout: boolean): Promise<readonly string[]> {
  await using other = await server.database()
  const admin = await other.connect()
  await admin.query(`CREATE ROLE ${role} LOGIN`)
  if (isOwner) await admin.query(`GRANT CREATE ON DATABASE ${other.source.database} TO ${role}`)
  if (maySetTimeout) await admin.query(`GRANT SET ON PARAMETER deadlock_timeout TO ${role}`)
  await admin.query(`CREATE SCHEMA changefeed; CREATE FUNCTION changefeed.emit(jsonb) RETURNS void LANGUAGE sql AS ''`)
  if (isOwner)
    await admin.query(
      `ALTER SCHEMA changefeed OWNER TO ${role}; ALTER FUNCTION changefeed.emit(jsonb) OWNER TO ${role}`,
    )
  // Something that only a superuser may drop or alter.
  await admin.query(
    `CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER pg_changefeed_ddl ON sql_drop EXECUTE FUNCTION f(); ALTER EVENT TRIGGER pg_changefeed_ddl DISABLE;
     ALTER EXTENSION plpgsql ADD EVENT TRIGGER pg_changefeed_ddl`,
  )
  const worker = await other.connect(role)
  const ran: string[] = []
  for (const file of [...installFiles, 'remove'] as const) {
    if (file === 'drop-event-triggers')
      await admin.query('ALTER EXTENSION plpgsql DROP EVENT TRIGGER pg_changefeed_ddl')
    // These refuse what does not belong to a superuser, whoever runs them.
    if (['refuse-others', 'create-publication', 'belong', 'remove'].includes(file)) continue
    try {
      await worker.query(`SELECT set_config('changefeed.unseen', '', false); ${sqlOf([file])}`)
      ran.push(file)
    } catch (error) {
      assert.ok(error instanceof FeedError)
      assert.ok([needsRights, '3F000', '42P01', '42883'].includes(error.sqlstate), `${file}: ${error.message}`)
    }
  }
  await worker.close()
  await admin.close()
  return ran
}

test(
  'a role with the rights that the head of an SQL file names may run it, and a role without them may not',
  {
    skip: needsVersion(15),
  },
  async () => {
    const needs = (file: SqlFile): string => /^-- Rights: ((?:.*\n(?:-- )?)+?)\n/m.exec(readSqlFile(file))?.[1] ?? ''
    const skipped = ['refuse-others', 'create-publication', 'belong']
    const those = (pattern: RegExp): readonly string[] =>
      installFiles.filter((file) => pattern.test(needs(file)) && !skipped.includes(file))
    assert.deepEqual(await runnable('anybody', false, true), those(/^any role/))
    const owned = /^(any role|CREATE on the database|owner of schema)/
    assert.deepEqual(await runnable('owner', true, true), those(owned))
    const timeout = those(/who may set deadlock_timeout/)
    assert.deepEqual(timeout, ['identity', 'locks', 'partitions'])
    const without = await runnable('lesser', true, false)
    assert.deepEqual(
      without,
      those(owned).filter((file) => !timeout.includes(file)),
    )
  },
)
