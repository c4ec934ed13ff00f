// Every statement of ours, attached as a role of few rights: for the superuser, for the owner of the table, for an application. And
// what is not ours: no byte of it changes.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { until } from '../support/until.ts'
import { prepared, startAttached, type Attached } from './attached.ts'

interface Answer {
  readonly rows?: readonly unknown[]
  readonly error?: string
  readonly hint?: string | undefined
}

for (const version of [14, 18] as const) {
  let attached: Attached
  const as = async (user: string, text: string): Promise<Answer> => {
    const client = await attached.server.connect('app', user)
    try {
      const result = await client.query<unknown[]>({ text, rowMode: 'array' })
      return { rows: result.rows }
    } catch (error) {
      const { message, hint } = error as pg.DatabaseError
      return { error: message, hint }
    } finally {
      await client.end()
    }
  }
  const fails = async (user: string, text: string, message: RegExp, hint?: RegExp): Promise<void> => {
    const answer = await as(user, text)
    assert.match(answer.error ?? `${text} was accepted`, message, text)
    if (hint !== undefined) assert.match(answer.hint ?? '', hint, text)
  }
  const succeeds = async (user: string, text: string): Promise<readonly unknown[]> => {
    const { error, rows = [] } = await as(user, text)
    assert.equal(error, undefined, text)
    return rows
  }

  before(async () => {
    attached = await startAttached({
      version,
      ...prepared,
      sql: `${prepared.sql}; CREATE ROLE owner LOGIN; CREATE ROLE app LOGIN; CREATE ROLE stranger LOGIN;
        CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE nokey (a int); ALTER TABLE t OWNER TO owner; GRANT SELECT ON t TO app;
        ${prepared.tableSql('t')}`,
    })
  })
  after(() => attached.server[Symbol.asyncDispose]())

  test(`${version}: settings are set by superusers and by the role of the server, and shown to all`, async () => {
    for (const user of ['postgres', 'cdc'])
      await succeeds(user, `SET CLUSTER SETTING changefeed.max_retry_backoff = '5m'`)
    for (const user of ['owner', 'app']) {
      assert.deepEqual(await succeeds(user, 'SHOW CLUSTER SETTING changefeed.max_retry_backoff'), [['5m0s']])
      assert.ok((await succeeds(user, 'SHOW ALL CLUSTER SETTINGS')).length > 10)
      await fails(
        user,
        'RESET CLUSTER SETTING changefeed.max_retry_backoff',
        /only superusers and admins may/,
        /role of the server/,
      )
    }
    await succeeds('cdc', 'RESET CLUSTER SETTING changefeed.max_retry_backoff')
  })

  test(`${version}: a job is made by who has the privilege, which an admin grants, and is seen and controlled as its user's`, async () => {
    const create = `CREATE CHANGEFEED FOR t INTO 'null://'`
    await fails('stranger', create, /SELECT|CHANGEFEED privilege/)
    await fails('app', create, /requires the CHANGEFEED privilege/, /GRANT CHANGEFEED ON TABLE/)
    await fails('owner', 'GRANT CHANGEFEED ON TABLE t TO app', /only admins may GRANT CHANGEFEED/)
    await succeeds('cdc', 'GRANT CHANGEFEED ON TABLE t TO app')
    await succeeds('app', create)
    const [[id] = []] = (await succeeds('app', 'SELECT job_id, status FROM [SHOW JOBS]')) as string[][]
    for (const user of ['postgres', 'cdc']) assert.equal((await succeeds(user, `SHOW JOB ${id}`)).length, 1)
    assert.deepEqual(await succeeds('owner', 'SHOW JOBS'), [])
    await fails('owner', `SHOW JOB ${id}`, /does not exist/)
    await fails('owner', `PAUSE JOB ${id}`, /does not have privileges for job/)
    await succeeds('app', `PAUSE JOB ${id}`)
    await succeeds('app', `RESUME JOB ${id}`)
    await fails('cdc', 'UNWATCH DATABASE', /a changefeed needs tables/, new RegExp(`CANCEL JOBS ${id}`))
    await succeeds('cdc', `CANCEL JOBS SELECT job_id FROM [SHOW JOBS] WHERE status = 'running'`)
    assert.equal((await succeeds('app', `SHOW JOB WHEN COMPLETE ${id}`)).length, 1)
    await succeeds('postgres', 'REVOKE CHANGEFEED ON TABLE t FROM app')
    await fails('app', create, /requires the CHANGEFEED privilege/)
  })

  test(`${version}: UNWATCH removes the slot, and leaves tables to who has published them`, async () => {
    const slots = (): Promise<(string | null)[][]> =>
      attached.postgres.sql('SELECT slot_name FROM pg_replication_slots')
    assert.equal((await slots()).length, 1)
    await fails('cdc', 'UNWATCH TABLE t', /is not ours to change/, /ALTER PUBLICATION pg_changefeed DROP TABLE/)
    await fails('app', 'UNWATCH DATABASE', /only admins may UNWATCH/)
    await succeeds('cdc', 'UNWATCH DATABASE')
    assert.deepEqual(await slots(), [])
  })

  test(`${version}: the slot is kept while a paused job needs it, and goes when nothing has needed it for the set time`, async () => {
    const slots = async (): Promise<number> =>
      (await attached.postgres.sql('SELECT slot_name FROM pg_replication_slots')).length
    const [[id] = []] = (await succeeds('postgres', `CREATE CHANGEFEED FOR t INTO 'null://'`)) as string[][]
    await succeeds('postgres', `PAUSE JOB ${id}`)
    await succeeds('postgres', `SET CLUSTER SETTING changefeed.watch.keep_duration = '1s'`)
    const startedAt = performance.now()
    await until('some checks have passed', 20_000, () => (performance.now() - startedAt > 4000 ? true : undefined))
    assert.equal(await slots(), 1)
    await succeeds('postgres', `CANCEL JOB ${id}`)
    await until('the slot is gone', 20_000, async () => ((await slots()) === 0 ? true : undefined))
    await succeeds('postgres', 'RESET CLUSTER SETTING changefeed.watch.keep_duration')
  })

  test(`${version}: rights over jobs that are roles of ours are given only where these are there`, async () => {
    await attached.postgres.sql('CREATE ROLE viewjob')
    await fails(
      'postgres',
      'ALTER ROLE app VIEWJOB',
      /has no role "viewjob" of changefeeds/,
      /INSERT INTO changefeed_state.group_roles/,
    )
    await fails('postgres', 'GRANT SYSTEM CONTROLJOB TO app', /has no role "controljob"/, /CREATE ROLE controljob/)
    await attached.postgres.sql(
      `INSERT INTO changefeed_state.group_roles SELECT oid FROM pg_roles WHERE rolname = 'viewjob'`,
      'app',
    )
    await succeeds('postgres', 'ALTER ROLE app VIEWJOB')
    assert.equal((await succeeds('app', 'SHOW JOBS')).length, 2)
    await succeeds('postgres', 'GRANT SYSTEM VIEWACTIVITY, CANCELQUERY TO app')
  })

  test(`${version}: what is CockroachDB's and not about changefeeds passes to PostgreSQL as typed`, async () => {
    for (const text of ['SHOW TABLES', 'SHOW DATABASES', 'SHOW DATABASE', 'RESET DATABASE', 'SET DATABASE = app'])
      await fails('postgres', text, /unrecognized configuration parameter "(tables|databases|database)"/i)
    await fails('postgres', 'USE app', /syntax error at or near "USE"/)
    await fails('postgres', 'UPSERT INTO t VALUES (1)', /syntax error at or near "UPSERT"/)
    await fails('postgres', 'CREATE TABLE x (a STRING)', /type "string" does not exist/)
    await fails('postgres', 'SELECT * FROM crdb_internal.jobs', /relation "crdb_internal.jobs" does not exist/)
    await succeeds('postgres', 'CREATE TABLE plain (a SERIAL, b INT)')
    assert.deepEqual(
      await attached.postgres.sql(
        `SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'plain'::regclass AND attnum > 0`,
        'app',
      ),
      [
        ['a', 'integer'],
        ['b', 'integer'],
      ],
    )
    await succeeds('postgres', 'CREATE TABLE theirs (rowid int)')
    const { hint } = await as('postgres', 'ALTER TABLE theirs ADD COLUMN rowid int')
    assert.equal(hint, undefined, 'nobody but its owner has made the column')
    assert.deepEqual(await succeeds('app', 'SHOW search_path'), [['"$user", public']])
    await succeeds('app', 'DISCARD ALL')
    await succeeds('app', 'RESET ALL')
  })

  test(`${version}: a table without a key, and one of ours, are refused with what to do`, async () => {
    await fails('postgres', 'EXPERIMENTAL CHANGEFEED FOR nokey', /has no primary key/, /ADD PRIMARY KEY .* USING INDEX/)
    await fails('postgres', 'EXPERIMENTAL CHANGEFEED FOR changefeed_state.jobs', /not supported on system tables/)
    await fails('app', 'SELECT * FROM changefeed_state.jobs', /permission denied/)
  })
}
