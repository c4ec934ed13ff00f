// A database that changefeeds watch is dumped and restored like any other: what we keep in it stays where it is.

import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { ClientPrograms } from '../services/python/client-programs.ts'
import { endTogether } from '../support/services.ts'
import { PlainPostgres } from '../support/plain-postgres.ts'

const schema = `
CREATE TABLE maker (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE game (id integer PRIMARY KEY, maker_id integer REFERENCES maker, words jsonb);
CREATE TABLE loan (id integer NOT NULL, at date NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE loan_old PARTITION OF loan FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE PUBLICATION own FOR TABLE maker;
INSERT INTO maker VALUES (1, 'Ada'), (2, 'Bob'); INSERT INTO game VALUES (1, 1, '{"a": 1}');
INSERT INTO loan VALUES (1, '2020-05-05')`
const watched = 'maker, game, loan_old'
const writes = `INSERT INTO maker VALUES (3, 'Cy'); UPDATE maker SET name = 'Di' WHERE id = 3; DELETE FROM game; UPDATE loan SET id = 2`
const writesWithoutKey = `ALTER TABLE game DROP CONSTRAINT game_pkey; INSERT INTO game VALUES (7, 3, NULL); UPDATE game SET id = 8`
/** Publications, event triggers, schemas and extensions. */
const extras = `SELECT 'publication ' || pubname AS name FROM pg_publication UNION SELECT 'event trigger ' || evtname FROM pg_event_trigger
  UNION SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$|^crdb_internal$'
  UNION SELECT 'extension ' || extname FROM pg_extension UNION SELECT 'schema of ' || relname FROM pg_class WHERE relnamespace = to_regnamespace('changefeed')
  ORDER BY 1`
const ownExtras = ['extension plpgsql', 'publication own', 'schema public']

let server: TestServer
let programs: ClientPrograms
before(async () => {
  programs = ClientPrograms.install()
  server = await TestServer.start()
})
after(async () => {
  await endTogether(server, programs)
})

const run: ClientPrograms['run'] = (...given) => programs.run(...given)

const url = (database: string, user = 'root'): string => `postgresql://${user}@127.0.0.1:${server.sqlPort}/${database}`
const restore = (to: string, text: string): string =>
  run('psql', ['-Xq', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', to], text)

/** A database with a job that runs on its tables. */
async function watch(database: string, sql = schema, tables = watched): Promise<string> {
  await server.sql(`CREATE DATABASE ${database}`)
  await server.sql(sql, database)
  const [row] = await server.sql(`CREATE CHANGEFEED FOR ${tables} INTO 'null://' WITH initial_scan = 'no'`, database)
  return String(row?.['job_id'])
}

async function isUsable(database: string): Promise<void> {
  const names = (await server.sql(extras, database)).map(({ name }) => name)
  assert.deepEqual(names, ownExtras)
  await using feed = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${watched} WITH updated`, {
    database,
  })
  const before = await feed.row(4)
  assert.equal(before.length, 4)
  await server.sql(writes, database)
  await feed.row(8)
  await server.sql(writesWithoutKey, database)
}

function skips(t: TestContext): boolean {
  if (programs.missing !== undefined) t.skip(programs.missing)
  return programs.missing !== undefined
}

test('a dump of a watched database holds nothing of ours, and what is restored can be used and watched', async (t) => {
  if (skips(t)) return
  const job = await watch('live')
  const text = run('pg_dump', [url('live')])
  assert.doesNotMatch(text, /changefeed|crdb|rowid|EVENT TRIGGER/i)
  assert.match(text, /CREATE PUBLICATION own/)
  const archive = programs.file('live.dump')
  run('pg_dump', ['-C', '-Fc', '-f', archive, url('live')])
  // Beside the original, which goes on.
  await server.sql('CREATE DATABASE beside')
  restore(url('beside'), text)
  await isUsable('beside')
  run('createdb', ['-T', 'template0', '-h', '127.0.0.1', '-p', String(server.sqlPort), '-U', 'root', 'archived'])
  run('pg_restore', ['--exit-on-error', '-d', url('archived'), archive])
  await isUsable('archived')
  assert.deepEqual(await server.sql(`SELECT status FROM [SHOW JOBS] WHERE job_id = ${job}`), [{ status: 'running' }])
  // In the place of the original.
  await server.sql(`CANCEL JOB ${job}`)
  await server.sql(`SHOW JOB WHEN COMPLETE ${job}`)
  await server.sql('DROP DATABASE live')
  run('pg_restore', ['-C', '--exit-on-error', '-d', url('defaultdb'), archive])
  await isUsable('live')
})

test('an owner who is no superuser dumps a watched database', async (t) => {
  if (skips(t)) return
  await watch('owned')
  await server.sql('CREATE ROLE keeper LOGIN')
  await server.sql('GRANT SELECT ON ALL TABLES IN SCHEMA public TO keeper', 'owned')
  assert.match(run('pg_dump', [url('owned', 'keeper')]), /COPY public\.maker/)
})

test('a database moves from a plain PostgreSQL to the server, is watched, and moves back', async (t) => {
  if (skips(t)) return
  await using plain = await PlainPostgres.start()
  await plain.sql('CREATE DATABASE there', 'postgres')
  await plain.sql(schema, 'there')
  await server.sql('CREATE DATABASE here')
  restore(url('here'), run('pg_dump', [plain.url('there')]))
  await isUsable('here')
  const archive = programs.file('back.dump')
  run('pg_dump', ['-C', '-Fc', '-f', archive, url('here')])
  run('pg_restore', ['-C', '--exit-on-error', '-d', plain.url('postgres'), archive])
  assert.deepEqual(
    (await plain.sql(extras, 'here')).map(([name]) => name),
    ownExtras,
  )
  assert.deepEqual(await plain.sql('SELECT id, name FROM maker ORDER BY 1', 'here'), [
    ['1', 'Ada'],
    ['2', 'Bob'],
    ['3', 'Di'],
  ])
  await plain.sql(`UPDATE maker SET name = 'Eve'; ALTER TABLE loan_old SET UNLOGGED`, 'here')
})
