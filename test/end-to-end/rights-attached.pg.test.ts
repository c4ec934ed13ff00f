// Whose rights a changefeed has on a PostgreSQL that is somebody's own. Our own role there reads everything that is published; so
// everything that PostgreSQL would refuse the asking role is refused by us.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { AttachedUnderTest } from '../support/attached-under-test.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'

const withinMs = 30_000

/** Roles, and tables that the server may read: `open`, `owned` by ann, `inside` another schema, and `guarded` by policies. */
const made = `
CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE eve LOGIN BYPASSRLS; CREATE ROLE team; CREATE ROLE mate LOGIN IN ROLE team;
CREATE ROLE loner LOGIN NOINHERIT IN ROLE team;
CREATE SCHEMA inner_schema;
CREATE TABLE open (id int PRIMARY KEY, secret text); INSERT INTO open VALUES (1, 'a');
CREATE TABLE inner_schema.inside (id int PRIMARY KEY);
CREATE TABLE owned (id int PRIMARY KEY); ALTER TABLE owned OWNER TO ann; ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
CREATE TABLE guarded (id int PRIMARY KEY, whose text); INSERT INTO guarded VALUES (1, 'bob'), (2, 'ann');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON guarded USING (whose = current_user);
GRANT SELECT ON open, guarded, inner_schema.inside TO team, eve;
GRANT SELECT (id) ON open TO bob; GRANT SELECT ON inner_schema.inside TO bob; GRANT SELECT ON guarded, owned TO bob;
ALTER TABLE open REPLICA IDENTITY FULL; ALTER TABLE guarded REPLICA IDENTITY FULL`

const tables = ['open', 'owned', 'guarded', 'inner_schema.inside']

for (const version of [15, 18] as const) {
  test(`PostgreSQL ${version}: a changefeed shows a role what the role may read, and ends when it may not any more`, async (t) => {
    await using postgres = await PostgresServerUnderTest.start({ version })
    await postgres.sql(made)
    const cdc = await postgres.leastPrivileged({ database: 'postgres', tables })
    await postgres.sql(
      `GRANT CREATE ON DATABASE postgres TO ${cdc}; GRANT USAGE ON SCHEMA inner_schema TO ${cdc}; ALTER ROLE ${cdc} BYPASSRLS`,
    )
    await using server = await AttachedUnderTest.start({ source: postgres.source('postgres', cdc) })

    const as = async <T>(user: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
      const client = await server.connect({ user })
      try {
        return await work(client)
      } finally {
        await client.end()
      }
    }
    await as('postgres', (client) => client.query('SET CLUSTER SETTING kv.rangefeed.enabled = true'))
    /** The keys of the initial scan, or the error. */
    const scan =
      (sql: string) =>
      async (client: pg.Client): Promise<string> =>
        client.query<{ key: Buffer }>(sql).then(
          ({ rows }) =>
            rows
              .map(({ key }) => key.toString())
              .sort()
              .join(' '),
          ({ code, message, detail = '', hint = '' }: pg.DatabaseError) => [code, message, detail, hint].join(' | '),
        )
    const of = (table: string): string => `CREATE CHANGEFEED FOR ${table} WITH initial_scan = 'only'`

    await t.test('SELECT on the table, or through a role that is inherited or taken', async () => {
      assert.equal(await as('mate', scan(of('open'))), '[1]')
      const denied = /^42501 \| user loner requires the SELECT privilege on all target tables/
      assert.match(await as('loner', scan(of('open'))), denied)
      const taken = await as('loner', async (client) => {
        await client.query('SET ROLE team')
        return scan(of('open'))(client)
      })
      assert.equal(taken, '[1]')
      const given = await as('postgres', async (client) => {
        await client.query('SET SESSION AUTHORIZATION loner')
        return scan(of('open'))(client)
      })
      assert.match(given, denied)
    })

    await t.test('SELECT on some columns is not enough, and they are named', async () => {
      assert.match(
        await as('bob', scan(of('open'))),
        /^42501 \| user bob requires the SELECT privilege .* \| It may read only some of the columns of open: id\. \| GRANT SELECT ON public\.open TO bob$/,
      )
    })

    await t.test('USAGE of the schema counts as it does for SELECT', async () => {
      assert.match(
        await as('bob', scan(of('inner_schema.inside'))),
        /^42501 \| user bob requires the USAGE privilege on schema "inner_schema".* \| GRANT USAGE ON SCHEMA inner_schema TO bob$/,
      )
    })

    await t.test(
      'a table whose policies hide rows is refused, but not for those from whom they hide none',
      async () => {
        const refused = /^42501 \| row-level security of table "(?:guarded|owned)" applies to user \w+/
        assert.match(await as('mate', scan(of('guarded'))), refused)
        assert.match(await as('bob', scan(of('owned'))), refused)
        assert.equal(await as('eve', scan(of('guarded'))), '[1] [2]')
        assert.equal(await as('postgres', scan(of('guarded'))), '[1] [2]')
        assert.equal(await as('ann', scan(of('owned'))), '')
        await postgres.sql('ALTER TABLE owned FORCE ROW LEVEL SECURITY')
        assert.match(await as('ann', scan(of('owned'))), refused)
        await postgres.sql('ALTER TABLE owned NO FORCE ROW LEVEL SECURITY')
      },
    )

    await t.test('a table of another database is looked at with the rights of the role', async () => {
      await postgres.sql('CREATE DATABASE aside')
      await postgres.sql('CREATE TABLE s (id int PRIMARY KEY); GRANT SELECT ON s TO ann', 'aside')
      assert.match(await as('bob', scan(of('aside.public.s'))), /^42501 \| user bob requires the SELECT privilege/)
      await postgres.sql('REVOKE CONNECT ON DATABASE aside FROM PUBLIC')
      await postgres.sql(`GRANT CONNECT ON DATABASE aside TO ${cdc}`)
      assert.match(await as('ann', scan(of('aside.public.s'))), /^42501 \| permission denied for database "aside"/)
    })

    await t.test('a right that is lost ends the feed, with the reason', async () => {
      for (const [take, give, reason] of [
        ['REVOKE SELECT ON open FROM team', 'GRANT SELECT ON open TO team', /requires the SELECT privilege/],
        ['REVOKE team FROM mate', 'GRANT team TO mate', /requires the SELECT privilege/],
        [
          'ALTER TABLE open ENABLE ROW LEVEL SECURITY',
          'ALTER TABLE open DISABLE ROW LEVEL SECURITY',
          /row-level security of table "open"/,
        ],
      ] as const) {
        const client = await server.connect({ user: 'mate' })
        let rows = 0
        const ended = client.query('CREATE CHANGEFEED FOR open').then(
          () => assert.fail('the feed has ended by itself'),
          (error: pg.DatabaseError) => error,
        )
        const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadableStream } }).connection
        stream.on('data', () => (rows += 1))
        await until('the feed runs', withinMs, () => (rows > 0 ? true : undefined))
        await postgres.sql(take)
        const { code, message } = await ended
        assert.equal(code, '42501')
        assert.match(message, reason)
        await client.end()
        await postgres.sql(give)
      }
    })

    await t.test(
      'jobs belong to who made them, and one whose user loses SELECT is paused with the reason',
      async () => {
        await postgres.sql(`CREATE ROLE changefeed; COMMENT ON ROLE changefeed IS 'pg-changefeed: may create changefeeds with a sink';
        CREATE ROLE controljob; COMMENT ON ROLE controljob IS 'pg-changefeed: may control jobs'; CREATE ROLE ops LOGIN IN ROLE controljob;
        CREATE ROLE zoe LOGIN; GRANT SELECT ON open TO zoe`)
        const run =
          (sql: string) =>
          async (client: pg.Client): Promise<string> =>
            client.query<{ job_id?: string }>(sql).then(
              ({ rows, command }) => rows[0]?.job_id ?? command,
              ({ code, message }: pg.DatabaseError) => `${code} ${message}`,
            )
        const create = "CREATE CHANGEFEED FOR open INTO 'null://'"
        assert.match(await as('zoe', run(create)), /^42501 user zoe requires the CHANGEFEED privilege/)
        // A comment proves nothing: everybody with CREATEROLE can make such a role.
        await postgres.sql(`GRANT changefeed TO zoe; CREATE ROLE maker LOGIN CREATEROLE; CREATE TABLE secret (id int PRIMARY KEY);
          ALTER PUBLICATION pg_changefeed ADD TABLE secret; GRANT SELECT ON secret TO ${cdc}`)
        await as('maker', (client) =>
          client.query(
            "CREATE ROLE admin; COMMENT ON ROLE admin IS 'pg-changefeed: may do with changefeeds and jobs what superusers may'; GRANT admin TO maker",
          ),
        )
        assert.match(await as('zoe', run(create)), /^42501 user zoe requires the CHANGEFEED privilege/)
        assert.match(await as('maker', run("CREATE CHANGEFEED FOR secret INTO 'null://'")), /^42501 /)
        assert.match(await as('maker', run('SET CLUSTER SETTING kv.rangefeed.enabled = true')), /^42501 /)
        await postgres.sql(
          `INSERT INTO changefeed_state.group_roles SELECT oid FROM pg_roles WHERE rolname IN ('changefeed', 'controljob', 'admin')`,
        )
        assert.match(await as('maker', run('SET CLUSTER SETTING kv.rangefeed.enabled = true')), /^42501 /)
        const id = await as('zoe', run(create))
        assert.match(id, /^\d+$/)
        const seen = async (user: string): Promise<boolean> =>
          as(user, async (client) => {
            const { rows } = await client.query<{ job_id: string }>('SELECT job_id FROM [SHOW JOBS]')
            return rows.some((row) => row.job_id === id)
          })
        for (const [user, sees] of [
          ['zoe', true],
          ['mate', false],
          ['ops', true],
          ['postgres', true],
        ] as const) {
          assert.equal(await seen(user), sees, `${user} sees the job`)
          const paused = await as(user, run(`PAUSE JOB ${id}`))
          assert.equal(/^\d/.test(paused), !sees, `${user} controls the job: ${paused}`)
          if (sees) await as(user, run(`RESUME JOB ${id}`))
        }
        await postgres.sql('REVOKE SELECT ON open FROM zoe')
        const job = await until('the job is paused', withinMs, async () => {
          const [row] = await as(
            'zoe',
            async (client) => (await client.query(`SELECT status, error FROM [SHOW JOB ${id}]`)).rows,
          )
          return row?.status === 'paused' ? row : undefined
        })
        assert.match(job.error, /^user zoe with CONTROLCHANGEFEED role option requires the SELECT privilege/)
        await as('zoe', run(`CANCEL JOB ${id}`))
      },
    )

    await t.test('what our own role may not read is refused at once, and names the grant', async () => {
      await postgres.sql(`CREATE TABLE hidden (id int PRIMARY KEY); ALTER PUBLICATION pg_changefeed ADD TABLE hidden`)
      assert.match(
        await as('postgres', scan(of('hidden'))),
        new RegExp(
          `^42501 \\| table .*hidden cannot be read by role ${cdc}, with which this server logs in .*GRANT SELECT ON .*hidden TO ${cdc}`,
        ),
      )
      await postgres.sql(`ALTER ROLE ${cdc} NOBYPASSRLS`)
      assert.match(
        await as('eve', scan(of('guarded'))),
        new RegExp(`^42501 \\| table .*guarded has row-level security, which hides rows from role ${cdc}`),
      )
      await postgres.sql(`ALTER ROLE ${cdc} BYPASSRLS`)
    })
  })
}
