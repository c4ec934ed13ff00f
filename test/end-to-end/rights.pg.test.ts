// Who may make changefeeds, and who may see and control jobs.

import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { after, before, test } from 'node:test'
import type pg from 'pg'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'

const withinMs = 20_000
let server: TestServer

before(async () => {
  server = await TestServer.start()
  await server.sql('CREATE TABLE t (id INT PRIMARY KEY, v TEXT)')
  await server.sql("INSERT INTO t VALUES (1, 'one')")
})
after(() => server[Symbol.asyncDispose]())

const jobSql = "CREATE CHANGEFEED FOR t INTO 'null://'"

async function as<T>(user: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await server.connect('defaultdb', user)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function attempt(user: string, sql: string): Promise<string> {
  return as(user, (client) =>
    client.query<{ job_id?: string }>(sql).then(
      ({ rows }) => String(rows[0]?.job_id ?? 'done'),
      ({ code, message }: pg.DatabaseError) => `${code} ${message}`,
    ),
  )
}

const number = /^\d+$/

interface Listener {
  readonly port: number
  readonly server: Server
  readonly seen: { count: number }
}

async function listen(): Promise<Listener> {
  const seen = { count: 0 }
  const listening = createServer((socket) => {
    seen.count += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => listening.once('listening', resolve))
  const address = listening.address()
  return { port: typeof address === 'object' && address !== null ? address.port : 0, server: listening, seen }
}

test('SELECT on a table does not let the server be sent to other machines', async () => {
  await server.sql('CREATE ROLE reader LOGIN; GRANT SELECT ON t TO reader')
  const { port, server: listening, seen } = await listen()
  try {
    const said = await attempt('reader', `CREATE CHANGEFEED FOR t INTO 'kafka://127.0.0.1:${port}'`)
    assert.equal(
      said,
      '42501 user reader requires the CHANGEFEED privilege on all target tables to be able to run an enterprise changefeed',
    )
    assert.equal(seen.count, 0)
  } finally {
    listening.close()
  }
})

test('each way of the page lets a user create, and its opposite takes it back', async () => {
  await server.sql('CREATE USER joe; CREATE TABLE own (id INT PRIMARY KEY); GRANT SELECT ON own TO joe')
  const refused = /^42501 user joe requires the CHANGEFEED privilege on all target tables/
  const own = "CREATE CHANGEFEED FOR own INTO 'null://'"
  for (const [give, take] of [
    ['GRANT changefeed TO joe', 'REVOKE changefeed FROM joe'],
    ['ALTER USER joe WITH CONTROLCHANGEFEED', 'ALTER ROLE joe NOCONTROLCHANGEFEED'],
    ['ALTER ROLE joe CREATECHANGEFEED', 'ALTER ROLE joe WITH NOCREATECHANGEFEED'],
    ['GRANT CHANGEFEED ON TABLE own TO joe', 'REVOKE CHANGEFEED ON TABLE own FROM joe'],
    ['GRANT CHANGEFEED ON defaultdb.public.own, t TO joe, bill', 'REVOKE CHANGEFEED ON own, t FROM joe'],
    ['GRANT CHANGEFEED ON own TO PUBLIC', 'REVOKE CHANGEFEED ON own FROM PUBLIC'],
  ] as const) {
    if (give.includes('bill')) await server.sql('CREATE USER bill')
    assert.match(await attempt('joe', own), refused)
    await server.sql(give)
    const id = await attempt('joe', own)
    assert.match(id, number, give)
    await server.sql(`CANCEL JOB ${id}`)
    await server.sql(take)
  }
  assert.match(await attempt('joe', own), refused)
})

test('CREATE USER takes the options among its own; the role options need SELECT, the table privilege does not', async () => {
  await server.sql('CREATE USER pam WITH CONTROLCHANGEFEED CONNECTION LIMIT 7 NOCONTROLJOB')
  const [role] = await server.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'pam'")
  assert.equal(role?.['rolconnlimit'], 7)
  assert.match(
    await attempt('pam', jobSql),
    /^42501 user pam with CONTROLCHANGEFEED role option requires the SELECT privilege on all target tables/,
  )
  await server.sql('CREATE USER tim; GRANT CHANGEFEED ON TABLE t TO tim')
  const id = await attempt('tim', jobSql)
  assert.match(id, number)
  assert.match(await attempt('tim', 'EXPERIMENTAL CHANGEFEED FOR t'), /^42501 user tim requires the SELECT privilege/)
  await server.sql(`CANCEL JOB ${id}`)
})

test('only admins grant, and what is not known is refused with its place', async () => {
  await server.sql('CREATE USER olga; CREATE TABLE hers (id INT PRIMARY KEY); ALTER TABLE hers OWNER TO olga')
  for (const sql of ['GRANT CHANGEFEED ON hers TO olga', 'GRANT changefeed TO olga', 'ALTER ROLE olga CONTROLJOB']) {
    assert.match(await attempt('olga', sql), /^42501 /, sql)
  }
  for (const [sql, message] of [
    ['GRANT CHANGEFEED ON hers TO nobody_here', /^42704 role "nobody_here" does not exist/],
    ['GRANT CHANGEFEED ON nothing TO olga', /^42P01 table "nothing" does not exist/],
    ['GRANT SYSTEM EXTERNALCONNECTION TO olga', /^42601 syntax error at or near "EXTERNALCONNECTION"/],
    ['GRANT SYSTEM VIEWJOBS TO olga', /^42601 /],
    ['ALTER ROLE olga CONTROLJOB LOGIN', /^42601 syntax error at or near "LOGIN"/],
    ['ALTER DEFAULT PRIVILEGES GRANT CHANGEFEED ON TABLES TO olga', /^0A000 CHANGEFEED is no default privilege/],
  ] as const) {
    assert.match(await attempt('root', sql), message)
  }
  await assert.rejects(server.sql('GRANT CHANGEFEED ON hres TO olga'), { code: '42P01', hint: 'did you mean hers?' })
  await server.sql('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO olga; GRANT SELECT ON t TO olga')
})

test('SHOW JOBS and control go by the same user, also after SET ROLE', async () => {
  await server.sql(
    'CREATE USER maker WITH CONTROLCHANGEFEED; GRANT SELECT ON t TO maker; CREATE USER mate; GRANT maker TO mate; CREATE USER boss IN ROLE admin; CREATE USER ops; GRANT SYSTEM CONTROLJOB TO ops; CREATE USER eye; GRANT SYSTEM VIEWJOB TO eye; CREATE USER other',
  )
  const ofRoot = await attempt('root', jobSql)
  const ofMaker = await attempt('maker', jobSql)
  const seen = async (client: pg.Client): Promise<string[]> =>
    (await client.query<{ job_id: string }>("SELECT job_id FROM [SHOW JOBS] WHERE status = 'running'")).rows
      .map(({ job_id }) => job_id)
      .filter((id) => [ofRoot, ofMaker].includes(id))
  for (const [user, sees, controls] of [
    ['maker', [ofMaker], [ofMaker]],
    ['mate', [ofMaker], [ofMaker]],
    ['other', [], []],
    ['ops', [ofMaker], [ofMaker]],
    ['eye', [ofRoot, ofMaker], []],
    ['boss', [ofRoot, ofMaker], [ofRoot, ofMaker]],
    ['root', [ofRoot, ofMaker], [ofRoot, ofMaker]],
  ] as const) {
    // As the user, and as root that has taken the user's role.
    for (const [login, prepare] of [
      [user, 'SELECT 1'],
      ['root', `SET ROLE ${user}`],
    ] as const) {
      await as(login, async (client) => {
        await client.query(prepare)
        assert.deepEqual((await seen(client)).sort(), [...sees].sort(), `${login} ${prepare}`)
        for (const id of [ofRoot, ofMaker]) {
          const may = await client.query(`PAUSE JOB ${id}`).then(
            () => true,
            (error: Error) => {
              assert.match(
                error.message,
                user === 'ops' ? /^only admins can control jobs owned by other admins$/ : /does not have privileges/,
              )
              return false
            },
          )
          assert.equal(may, (controls as readonly string[]).includes(id), `${login} ${prepare}: ${id}`)
          if (may) await client.query(`RESUME JOB ${id}`)
        }
      })
    }
  }
  assert.match(await attempt('boss', "SET CLUSTER SETTING changefeed.max_retry_backoff = '30s'"), /^done$/)
  await server.sql(`CANCEL JOBS ${ofRoot}, ${ofMaker}`)
})

test('SHOW QUERIES and CANCEL QUERY go by the roles that say so', async () => {
  await server.sql(`CREATE USER kate; GRANT SELECT ON t TO kate; CREATE USER kin; GRANT kate TO kin; CREATE USER stray;
    CREATE USER chief IN ROLE admin`)
  for (const statement of [
    'CREATE USER viewer VIEWACTIVITY',
    'CREATE USER stopper',
    'GRANT SYSTEM CANCELQUERY, VIEWACTIVITY TO stopper',
  ]) {
    await server.sql(statement)
  }
  const running = async (sql: string): Promise<string> =>
    until(`${sql} runs`, withinMs, async () => {
      const all = await server.sql('SHOW QUERIES')
      return all.find(({ query }) => query === sql)?.['query_id'] as string | undefined
    })
  let seconds = 0
  for (const [user, sees, cancels] of [
    ['kate', ['kate'], ['kate']],
    ['kin', ['kate'], ['kate']],
    ['stray', [], []],
    ['viewer', ['kate', 'root'], []],
    ['stopper', ['kate', 'root'], ['kate']],
    ['chief', ['kate', 'root'], ['kate', 'root']],
    ['root', ['kate', 'root'], ['kate', 'root']],
  ] as const) {
    for (const runner of ['kate', 'root'] as const) {
      const sql = `EXPERIMENTAL CHANGEFEED FOR t WITH resolved = '${++seconds}s'`
      await using feed = await SinklessFeed.open(server, sql, { user: runner })
      const id = await running(sql)
      await as(user, async (client) => {
        const { rows } = await client.query<{ query_id: string }>('SELECT query_id FROM [SHOW QUERIES]')
        const isSeen = rows.some(({ query_id: seen }) => seen === id)
        assert.equal(isSeen, (sees as readonly string[]).includes(runner), `${user} sees the query of ${runner}`)
      })
      const answer = await attempt(user, `CANCEL QUERY '${id}'`)
      if ((cancels as readonly string[]).includes(runner)) {
        assert.equal(answer, 'done', `${user} cancels the query of ${runner}`)
        await feed.ended
      } else assert.equal(answer, `42501 user ${user} may not cancel the queries of user ${runner}`)
    }
  }
})

test('after SET ROLE a table of another database is resolved with the rights of that role', async () => {
  await server.sql('CREATE DATABASE aside')
  await server.sql('CREATE TABLE s (id INT PRIMARY KEY); CREATE ROLE plain', 'aside')
  await as('root', async (client) => {
    await client.query('SET ROLE plain')
    await assert.rejects(
      client.query('EXPERIMENTAL CHANGEFEED FOR aside.s'),
      /user plain requires the SELECT privilege on all target tables/,
    )
  })
})

test('SHOW JOB of a job that is not there, or not for the user to see, says so', async () => {
  await server.sql('CREATE USER stranger')
  const id = await attempt('root', jobSql)
  for (const [user, sql, missing] of [
    ['root', 'SHOW JOB 99', '99'],
    ['root', `SHOW JOB WHEN COMPLETE 99`, '99'],
    ['stranger', `SHOW JOB ${id}`, id],
  ] as const) {
    assert.equal(await attempt(user, sql), `42704 job with ID ${missing} does not exist`)
  }
  assert.equal(await attempt('root', `SHOW JOB ${id}`), id)
  assert.equal(await attempt('root', 'SELECT count(*) FROM [SHOW JOB 99]'), 'done')
  await server.sql(`CANCEL JOB ${id}`)
})

test('a right that is taken back pauses the job with the reason, and RESUME goes on once it is given back', async () => {
  await server.sql('CREATE USER una WITH CONTROLCHANGEFEED; GRANT SELECT ON t TO una')
  const id = await attempt('una', `${jobSql} WITH min_checkpoint_frequency = '0s'`)
  const job = async (): Promise<Record<string, unknown>> =>
    (await server.sql(`SELECT * FROM crdb_internal.jobs WHERE job_id = ${id}`))[0] ?? {}
  await until('it runs', withinMs, async () => ((await job())['high_water_timestamp'] === null ? undefined : true))
  await server.sql('REVOKE SELECT ON t FROM una')
  const isPaused = async (): Promise<true | undefined> => ((await job())['status'] === 'paused' ? true : undefined)
  await until('it is paused', withinMs, isPaused)
  assert.match(String((await job())['error']), /^user una with CONTROLCHANGEFEED role option requires the SELECT/)
  await server.sql(`RESUME JOB ${id}`)
  await until('it is paused again at its start', withinMs, isPaused)
  await server.sql('GRANT SELECT ON t TO una; ALTER USER una NOCONTROLCHANGEFEED')
  await server.sql(`RESUME JOB ${id}`)
  await until('it is paused', withinMs, isPaused)
  assert.match(String((await job())['error']), /^user una requires the CHANGEFEED privilege/)
  await server.sql('ALTER USER una CONTROLCHANGEFEED')
  const { high_water_timestamp: before } = await job()
  await server.sql(`RESUME JOB ${id}`)
  await until('it goes on', withinMs, async () => {
    const { status, high_water_timestamp: now } = await job()
    assert.equal(status, 'running')
    return Number(now) > Number(before) ? true : undefined
  })
  await server.sql(`CANCEL JOB ${id}`)
})

test('a right that is taken back ends a feed on a connection, also row-level security', async () => {
  for (const [user, take] of [
    ['vera', 'REVOKE SELECT ON secrets FROM vera'],
    ['wim', 'ALTER TABLE secrets ENABLE ROW LEVEL SECURITY'],
  ] as const) {
    if (user === 'vera') await server.sql('CREATE TABLE secrets (id INT PRIMARY KEY); INSERT INTO secrets VALUES (1)')
    await server.sql(`CREATE USER ${user}; GRANT SELECT ON secrets TO ${user}`)
    const feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR secrets', { user })
    await feed.row(1)
    await server.sql(take)
    await feed.ended
    assert.equal(feed.error?.code, '42501')
    assert.match(feed.error?.message ?? '', /requires the SELECT privilege|row-level security of table "secrets"/)
  }
})

test('the machines that sinks may reach are asked for before anything connects, also at the start of a run', async () => {
  const { port, server: listening, seen } = await listen()
  const into = (address: string): string => `CREATE CHANGEFEED FOR t INTO 'kafka://${address}'`
  try {
    await server.sql("SET CLUSTER SETTING changefeed.sink.allowed_hosts = '*.example.org, 127.0.0.1:1'")
    assert.equal(await attempt('root', into(`127.0.0.1:${port}`)), `42501 sinks may not reach 127.0.0.1:${port}`)
    assert.equal(seen.count, 0)
    assert.match(await attempt('root', into('127.0.0.1:1')), /^58000 unable to open connection to broker/)
    await server.sql('RESET CLUSTER SETTING changefeed.sink.allowed_hosts')
    assert.match(await attempt('root', into(`127.0.0.1:${port}`)), /^58000 /)
    assert.ok(seen.count > 0)
  } finally {
    await server.sql('RESET CLUSTER SETTING changefeed.sink.allowed_hosts')
    listening.close()
  }
})
