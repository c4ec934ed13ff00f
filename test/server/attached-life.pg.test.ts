// The life of a server that is attached: what refuses its start, and what it survives. The state is in another PostgreSQL than the
// tables, under an ordinary role.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { hasPgBouncer, PgBouncer } from '../support/servers/pgbouncer.ts'
import { removeStore } from '../support/kept-stores.ts'
import { until } from '../support/until.ts'
import { main } from './run-main.ts'
import { TestServer } from './test-server.ts'

const withinMs = 40_000

let source: PostgresServerUnderTest
let system: PostgresServerUnderTest
before(async () => {
  source = await PostgresServerUnderTest.start({ version: 15 })
  system = await PostgresServerUnderTest.start()
  await source.sql('CREATE DATABASE app')
  await source.sql('CREATE TABLE t (id int PRIMARY KEY, v text)', 'app')
  await system.sql('CREATE DATABASE jobs')
  await system.role('', 'keeper')
})
after(async () => {
  await source[Symbol.asyncDispose]()
  await system[Symbol.asyncDispose]()
})

/** Starts the program where it is to be refused; returns what it printed. */
function refused(flags: readonly string[], command = 'start'): string {
  const store = mkdtempSync(join(tmpdir(), 'changefeed-test-'))
  try {
    const addresses = ['--insecure', '--listen-addr=localhost:0', '--http-addr=localhost:0']
    const args = [main, command, ...addresses, `--store=${store}`, ...flags]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 180_000 })
    assert.equal(status, 1, stdout)
    return stderr
  } finally {
    removeStore(store)
  }
}

test('a role that may not make the schema of the state is told the two lines to run, and one that has it is let in', async () => {
  const printed = refused([`--postgres=${source.url('app')}`, `--system-url=${system.url('jobs', 'keeper')}`])
  const lines = printed.split('\n').filter((line) => line.endsWith(';'))
  assert.deepEqual(lines, [
    'CREATE SCHEMA changefeed_state;',
    'GRANT USAGE, CREATE ON SCHEMA changefeed_state TO "keeper";',
  ])
  await system.sql(lines.join('\n'), 'jobs')
  await using server = await TestServer.start({ attached: attachment() })
  assert.deepEqual(await server.sql('SHOW JOBS'), [])
  assert.deepEqual(
    await system.sql('SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = $$changefeed_state$$', 'jobs'),
    [['keeper']],
  )
})

test('the state is of one source: another PostgreSQL is refused, and told how to go on after pg_upgrade', () => {
  const printed = refused([`--postgres=${system.url('jobs')}`, `--system-url=${system.url('jobs', 'keeper')}`])
  assert.match(printed, /the jobs in database "jobs" are of another PostgreSQL/)
  assert.match(printed, /UPDATE changefeed_state\.source SET system_identifier = '\d+';/)
})

test('tables of somebody else in the schema of the state are refused', async () => {
  await source.sql('CREATE DATABASE trapped')
  await source.sql(
    'CREATE ROLE mallory; CREATE SCHEMA changefeed_state; CREATE TABLE changefeed_state.jobs (a int); ALTER TABLE changefeed_state.jobs OWNER TO mallory; GRANT ALL ON SCHEMA changefeed_state TO PUBLIC',
    'trapped',
  )
  const plain = await source.role('REPLICATION', 'plain')
  assert.match(
    refused([`--postgres=${source.url('trapped', plain)}`]),
    /changefeed_state\.jobs in database "trapped" belongs to role "mallory", which would get the rights of "plain"/,
  )
})

test('a schema of the state whose owner would get the rights of a superuser is refused', async () => {
  await source.sql('CREATE ROLE bob')
  await source.sql('CREATE DATABASE escalation OWNER bob')
  await source.sql('CREATE SCHEMA changefeed_state AUTHORIZATION bob', 'escalation')
  assert.match(
    refused([`--postgres=${source.url('escalation')}`]),
    /schema changefeed_state in database "escalation" belongs to role "bob", which would get the rights of "postgres"/,
  )
})

test('what another attempt cannot mend ends the start at once, with the address and without the password', () => {
  const url = new URL(source.url('nowhere'))
  url.password = 'hunter2'
  const printed = refused([`--postgres=${url.href}`])
  assert.match(
    printed,
    /cannot use database "nowhere" .*as "postgres": .*127\.0\.0\.1:\d+|cannot use database "nowhere" of PostgreSQL at 127\.0\.0\.1:\d+ as "postgres"/,
  )
  assert.match(printed, /database "nowhere" does not exist/)
  assert.doesNotMatch(printed.replace(/^WARNING[^]*?\n\n/, ''), /hunter2/)
})

test(
  'a pooler in the place of PostgreSQL ends the start at once, with the way around it',
  { skip: !hasPgBouncer },
  async () => {
    await using bouncer = await PgBouncer.start(source.source('app'), { mode: 'transaction' })
    const { host, port, user } = bouncer.source()
    const printed = refused([`--postgres=postgres://${user}@${host}:${port}/app?sslmode=disable`])
    assert.match(printed, /a connection pooler answers in place of PostgreSQL/)
    assert.match(printed, /HINT: use the host and the port of PostgreSQL itself/)
  },
)

test('a store is for one kind of PostgreSQL', async () => {
  const server = await TestServer.start({ attached: attachment() })
  try {
    await server.kill()
    assert.match(
      refused([`--store=${server.storeDir}`], 'start-single-node'),
      /is for a PostgreSQL that somebody else has started/,
    )
  } finally {
    await server[Symbol.asyncDispose]()
  }
})

test('a crash of either PostgreSQL is said by /health, and the job goes on when it is back', async () => {
  await using server = await TestServer.start({ attached: attachment() })
  const health = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${server.httpPort}/health`)
    return response.text()
  }
  const [{ job_id: id } = {}] = await server.sql(
    `CREATE CHANGEFEED FOR t INTO 'null://' WITH resolved = '100ms', min_checkpoint_frequency = '100ms'`,
  )
  const highWater = async (): Promise<number> =>
    Number(
      (
        await system.sql(`SELECT coalesce(high_water, 0) FROM changefeed_state.jobs WHERE job_id = ${id}`, 'jobs')
      )[0]?.[0],
    )
  await until('it follows', withinMs, async () => ((await highWater()) > 0 ? true : undefined))
  for (const [name, postgres, said] of [
    ['source', source, /database \\?"app\\?" of PostgreSQL at [\d.:]+, whose changes are read, cannot be used/],
    ['system', system, /database \\?"jobs\\?" of PostgreSQL at [\d.:]+, which has the jobs, cannot be used/],
  ] as const) {
    const before = await highWater()
    await postgres.kill()
    await until(`/health says that ${name} is gone`, withinMs, async () =>
      said.test(await health()) ? true : undefined,
    )
    if (name === 'system') {
      await assert.rejects(server.sql('SHOW JOBS'), /the database of jobs and settings is not reachable/)
      assert.deepEqual(await server.sql('SELECT 1 AS one'), [{ one: 1 }])
    }
    await postgres.start()
    await until(`${name} is back`, withinMs, async () => (said.test(await health()) ? undefined : true))
    await until('it goes on', withinMs, async () => ((await highWater()) > before ? true : undefined))
    const [job] = await server.sql(`SHOW JOB ${id}`)
    assert.equal(job?.['status'], 'running')
  }
  const log = readFileSync(join(server.storeDir, 'logs', 'changefeed.log'), 'utf8')
  assert.match(log, /can be used again/)
})

test('after kill -9 the next server of the store goes on with its jobs at once, and a server of another store leaves them alone', async () => {
  // The slot of another store is never taken over.
  await until('the slot is gone', withinMs, () =>
    source.sql('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots').then(
      () => true as const,
      () => undefined,
    ),
  )
  await using server = await TestServer.start({ attached: attachment() })
  const [{ job_id: id } = {}] = await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`)
  const claim = async (): Promise<string> =>
    String((await system.sql(`SELECT claimed_by FROM changefeed_state.jobs WHERE job_id = ${id}`, 'jobs'))[0]?.[0])
  const first = await claim()
  await using other = await TestServer.start({ attached: attachment() })
  assert.equal(await claim(), first)
  assert.equal((await other.sql(`SHOW JOB ${id}`))[0]?.['status'], 'running')
  const setting = 'changefeed.max_retry_backoff'
  await other.sql(`SET CLUSTER SETTING ${setting} = '7m'`)
  await until('the other server has read the setting', withinMs, async () => {
    const [row] = await server.sql(`SHOW CLUSTER SETTING ${setting}`)
    return row?.[setting] === '7m0s' ? true : undefined
  })
  await server.kill()
  await server.restart()
  const second = await claim()
  assert.notEqual(second, first)
  assert.equal(second.split('-')[0], first.split('-')[0])
  await server.sql(`CANCEL JOB ${id}`)
})

function attachment() {
  return {
    url: source.url('app'),
    user: 'postgres',
    database: 'app',
    flags: [`--system-url=${system.url('jobs', 'keeper')}`],
  }
}
