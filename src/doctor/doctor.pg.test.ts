// Databases with one thing wrong each: the doctor finds that thing and nothing else, and where its remedy is SQL, the remedy
// puts it right.

import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { watchTables } from '../ingest/watch.ts'
import { openRawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { PostgresServerUnderTest } from '../../test/support/postgres-server.ts'
import { within } from '../../test/support/until.ts'
import { examine, type Examined } from './doctor.ts'
import type { Finding } from './finding.ts'

let server: PostgresServerUnderTest
let count = 0
before(async () => {
  server = await PostgresServerUnderTest.start({ version: 18, settings: { max_slot_wal_keep_size: '10GB' } })
})
after(() => server[Symbol.asyncDispose]())

const table = { schema: 'public', name: 't' }

interface Database {
  readonly name: string
  /** On a connection of its own, as superuser. */
  sql(text: string): Promise<(string | null)[][]>
  readonly owner: SourceConnection
  /** A role with REPLICATION and SELECT, for which a DBA has prepared the database. */
  prepared(): Promise<SourceConnection>
}

/** A database with a table in which nothing is wrong. */
async function database(options = ''): Promise<Database> {
  const name = `db${++count}`
  await server.sql(`CREATE DATABASE ${name} ${options}`)
  const sql = (text: string): Promise<(string | null)[][]> => server.sql(text, name)
  await sql('CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT i, i FROM generate_series(1, 1000) i')
  return {
    name,
    sql,
    owner: server.source(name),
    async prepared(): Promise<SourceConnection> {
      const role = await server.leastPrivileged({ database: name, tables: ['t'] })
      await sql(`CREATE SCHEMA changefeed_state AUTHORIZATION ${role}`)
      return server.source(name, role)
    },
  }
}

/** What is not ok. */
async function found(source: SourceConnection, more: Partial<Examined> = {}): Promise<readonly Finding[]> {
  const { findings } = await examine({ source, state: source, tables: [table], measureMs: 1, ...more })
  return findings.filter(({ verdict }) => verdict !== 'ok')
}

interface Expected {
  readonly id: string
  readonly verdict?: 'warning' | 'failure'
  readonly what: RegExp
  readonly remedy: RegExp
}

function only(findings: readonly Finding[], { id, verdict = 'failure', what, remedy }: Expected): Finding {
  assert.deepEqual(
    findings.map((finding) => [finding.id, finding.verdict]),
    [[id, verdict]],
    JSON.stringify(findings),
  )
  const [finding] = findings as [Finding]
  assert.match(finding.what, what)
  assert.match(finding.remedy ?? '', remedy)
  return finding
}

for (const version of [14, 18] as const) {
  test(`PostgreSQL ${version} where nothing is wrong: everything is ok, as superuser and as a role of few rights`, async () => {
    await using own = await PostgresServerUnderTest.start({ version, settings: { max_slot_wal_keep_size: '10GB' } })
    await own.sql('CREATE TABLE t (id int PRIMARY KEY, v int); CREATE SCHEMA changefeed_state')
    assert.deepEqual(await found(own.source()), [])
    const role = await own.leastPrivileged({ database: 'postgres', tables: ['t'] })
    await own.sql(`GRANT USAGE, CREATE ON SCHEMA changefeed_state TO ${role}`)
    assert.deepEqual(await found(own.source('postgres', role)), [])
    await own.sql(
      `CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); GRANT SELECT ON p, p1 TO ${role}; ALTER PUBLICATION pg_changefeed ADD TABLE p`,
    )
    const parts = await found(own.source('postgres', role), { tables: [{ schema: 'public', name: 'p' }] })
    assert.deepEqual(
      parts.map(({ id }) => id),
      version === 14 ? ['partitions'] : [],
    )
    const slots = await own.sql('SELECT slot_name FROM pg_replication_slots')
    assert.deepEqual(slots, [], 'nothing was made')
  })
}

test('a prepared table of small values is in order until a column such as text is added, which the doctor says before', async () => {
  const db = await database()
  const source = await db.prepared()
  const identity = async (): Promise<Finding | undefined> => {
    const { findings } = await examine({ source, state: source, tables: [table], measureMs: 1 })
    return findings.find(({ id }) => id === 'identity')
  }
  assert.match(
    (await identity())?.what ?? '',
    /^REPLICA IDENTITY DEFAULT is enough, until .* unless ALTER TABLE public\.t REPLICA IDENTITY FULL was run before$/,
  )
  await db.sql('ALTER TABLE t REPLICA IDENTITY FULL')
  assert.equal((await identity())?.what, 'REPLICA IDENTITY FULL is enough')
  await db.sql('ALTER TABLE t REPLICA IDENTITY DEFAULT; ALTER TABLE t ADD COLUMN note text')
  assert.equal((await identity())?.verdict, 'failure')
})

test('a role without REPLICATION, and one that is a member of a role that has it', async () => {
  const db = await database()
  const source = await db.prepared()
  await db.sql(`ALTER ROLE ${source.user} NOREPLICATION`)
  const { remedy = '' } = only(await found(source), {
    id: 'replication',
    what: /^role cdc\d+ may not replicate: permission denied to start WAL sender$/,
    remedy: /^ALTER ROLE cdc\d+ REPLICATION$/,
  })
  await db.sql(`CREATE ROLE replicator REPLICATION; GRANT replicator TO ${source.user}`)
  only(await found(source), {
    id: 'replication',
    what: /SQL functions after SET ROLE replicator, which is not enough/,
    remedy: /REPLICATION/,
  })
  await db.sql(remedy)
  assert.deepEqual(await found(source), [])
})

test('rights on the table: no SELECT, and rows that row-level security hides', async () => {
  const db = await database()
  const source = await db.prepared()
  await db.sql(`REVOKE SELECT ON t FROM ${source.user}`)
  const select = only(await found(source), {
    id: 'select',
    what: /may not read public\.t/,
    remedy: /GRANT SELECT ON public\.t TO cdc\d+$/,
  })
  await db.sql(select.remedy ?? '')
  assert.deepEqual(await found(source), [])
  await db.sql('ALTER TABLE t ENABLE ROW LEVEL SECURITY')
  const security = only(await found(source), {
    id: 'row_security',
    what: /hides rows from role cdc\d+/,
    remedy: /^ALTER ROLE cdc\d+ BYPASSRLS$/,
  })
  await db.sql(security.remedy ?? '')
  assert.deepEqual(await found(source), [])
})

const tables: readonly (Expected & { readonly name: string; readonly sql: string })[] = [
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
    remedy: /name the tables behind it/,
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
    const db = await database()
    await db.sql(sql)
    const { remedy = '' } = only(await found(db.owner), expected)
    const [statement = ''] = remedy.replace(/^nothing; or, at a quiet time: /, '').split('; or ')
    if (!/^ALTER TABLE .*(?:FULL|LOGGED|USING INDEX \w+)$/.test(statement)) return
    await db.sql(statement)
    assert.deepEqual(await found(db.owner), [], 'the remedy helps')
  })
}

test('what a DBA has prepared is not enough: no publication, not in it, not everything of it', async () => {
  const db = await database()
  const source = await db.prepared()
  const ask = (): Promise<readonly Finding[]> => found(source)
  assert.deepEqual(await ask(), [])
  await db.sql('ALTER PUBLICATION pg_changefeed DROP TABLE t')
  const member = only(await ask(), {
    id: 'published',
    what: /not in publication pg_changefeed/,
    remedy: /^ALTER PUBLICATION pg_changefeed ADD TABLE ONLY public\.t$/,
  })
  await db.sql('ALTER PUBLICATION pg_changefeed ADD TABLE t WHERE (id > 0)')
  only(await ask(), { id: 'published', what: /only some of its rows/, remedy: /DROP TABLE/ })
  await db.sql('ALTER PUBLICATION pg_changefeed DROP TABLE t')
  await db.sql(member.remedy ?? '')
  await db.sql(`ALTER PUBLICATION pg_changefeed SET (publish = 'insert, update')`)
  const kinds = only(await ask(), {
    id: 'publication',
    what: /does not publish delete, truncate/,
    remedy: /^ALTER PUBLICATION/,
  })
  await db.sql(kinds.remedy ?? '')
  await db.sql('ALTER TABLE t REPLICA IDENTITY NOTHING')
  only(await ask(), { id: 'identity', what: /NOTHING/, remedy: /^ALTER TABLE public\.t REPLICA IDENTITY FULL$/ })
  await db.sql('ALTER TABLE t REPLICA IDENTITY DEFAULT; DROP PUBLICATION pg_changefeed')
  only(await ask(), {
    id: 'publication',
    what: /does not exist/,
    remedy: /changefeed setup-sql .*--role=cdc\d+ --tables=public\.t$/,
  })
  await db.sql(`DROP SCHEMA changefeed_state; CREATE PUBLICATION pg_changefeed FOR TABLE t`)
  const state = only(await ask(), { id: 'state', what: /may not create schema/, remedy: /^CREATE SCHEMA/ })
  await db.sql(state.remedy?.split(';')[0] ?? '')
  assert.deepEqual(await ask(), [])
  await db.sql('CREATE TABLE changefeed_state.jobs (a int)')
  only(await ask(), {
    id: 'state',
    what: /jobs in .* belongs to role postgres, so/,
    remedy: /^changefeed uninstall as/,
  })
})

test('objects of somebody else with our names', async () => {
  const schema = await database()
  await schema.sql('CREATE SCHEMA changefeed')
  only(await found(schema.owner), { id: 'schema', what: /belongs to postgres/, remedy: /RENAME/ })
  const publication = await database()
  await publication.sql('CREATE PUBLICATION pg_changefeed')
  only(await found(publication.owner), {
    id: 'publication',
    what: /is not of pg-changefeed/,
    remedy: /DROP PUBLICATION/,
  })
  const slot = await database()
  const [[oid] = []] = await slot.sql('SELECT oid FROM pg_database WHERE datname = current_database()')
  // A slot of another database.
  await server.sql(`SELECT pg_create_logical_replication_slot('pg_changefeed_${oid}', 'pgoutput')`)
  const { remedy = '' } = only(await found(slot.owner), {
    id: 'our_slot',
    what: /plugin pgoutput in database postgres/,
    remedy: /pg_drop_replication_slot/,
  })
  await server.sql(remedy.replace(/^.*: /, ''))
  assert.deepEqual(await found(slot.owner), [])
  // A slot of ours that no server reads.
  await slot.sql(`SELECT pg_create_logical_replication_slot('pg_changefeed_${oid}', 'pgoutput')`)
  const left = only(await found(slot.owner), {
    id: 'our_slot',
    verdict: 'warning',
    what: /does not run now, and keeps/,
    remedy: /start the server with its store.*pg_drop_replication_slot/,
  })
  await slot.sql(left.remedy?.replace(/^.*: /, '') ?? '')
  assert.deepEqual(await found(slot.owner), [])
})

test('an inactive slot of somebody else that keeps WAL', async () => {
  const db = await database()
  await db.sql(`SELECT pg_create_logical_replication_slot('forgotten', 'pgoutput')`)
  for (let i = 0; i < 5; i++) await db.sql(`INSERT INTO t VALUES (${2000 + i}, 0); SELECT pg_switch_wal()`)
  const { remedy = '' } = only(await found(db.owner), {
    id: 'other_slots',
    verdict: 'warning',
    what: /forgotten keeps \d+ MB/,
    remedy: /pg_drop_replication_slot\('forgotten'\)$/,
  })
  await db.sql(remedy.replace(/^.*: /, ''))
  assert.deepEqual(await found(db.owner), [])
})

test('transactions that a slot waits for: an open one, and a prepared one of any database', async () => {
  const db = await database()
  const writer = await openRawConnection({ source: db.owner, parameters: {}, applicationName: 'app' })
  await writer.query('BEGIN; INSERT INTO t VALUES (2001)')
  only(await found(db.owner, { longSeconds: 0 }), {
    id: 'transactions',
    verdict: 'warning',
    what: new RegExp(`process ${writer.backendPid} of role postgres in database ${db.name}, .*, has written`),
    remedy: new RegExp(`pg_terminate_backend\\(${writer.backendPid}\\)`),
  })
  const hidden = await db.prepared()
  const { findings } = await examine({ source: hidden, state: hidden, tables: [table], measureMs: 1, longSeconds: 0 })
  const line = findings.find(({ id }) => id === 'transactions')
  assert.equal(line?.verdict, 'ok')
  assert.match(line.what, /is not visible to role cdc\d+ .*1 of them has written/)
  await db.sql('DROP PUBLICATION pg_changefeed; DROP SCHEMA changefeed_state')
  await writer.query(`PREPARE TRANSACTION 'left'`)
  await writer.close()
  const { remedy = '' } = only(await found(db.owner), {
    id: 'prepared_transactions',
    verdict: 'warning',
    what: /'left' of role postgres/,
    remedy: /^COMMIT PREPARED 'left'/,
  })
  await db.sql(remedy.split(',')[0] ?? '')
  assert.deepEqual(await found(db.owner), [])
})

test('a database in SQL_ASCII', async () => {
  const db = await database(`ENCODING SQL_ASCII TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`)
  only(await found(db.owner), { id: 'encoding', verdict: 'warning', what: /SQL_ASCII/, remedy: /UTF8/ })
})

test('settings of a role or a database that change text or end sessions are ok, and listed', async () => {
  const db = await database()
  const source = await db.prepared()
  await db.sql(
    `ALTER ROLE ${source.user} SET DateStyle = 'German'; ALTER DATABASE ${db.name} SET statement_timeout = '1ms'; ALTER ROLE ${source.user} SET default_transaction_read_only = on`,
  )
  const { findings } = await examine({ source, state: source, tables: [table], measureMs: 1 })
  assert.deepEqual(
    findings.filter(({ verdict }) => verdict !== 'ok'),
    [],
  )
  const what = findings.find(({ id }) => id === 'settings')?.what ?? ''
  for (const name of ['DateStyle=German', 'statement_timeout=1ms', 'default_transaction_read_only=on'])
    assert.ok(what.includes(name), what)
})

test('settings of the server: how long WAL is kept, and slots that are invalidated when idle', async () => {
  await using own = await PostgresServerUnderTest.start({ version: 18 })
  await own.sql('CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE w (v text)')
  const source = own.source()
  const set = async (name: string, value: string): Promise<void> => {
    await own.sql(`ALTER SYSTEM SET ${name} = '${value}'`)
    await own.sql('SELECT pg_reload_conf()')
  }
  only(await found(source), {
    id: 'wal_keep',
    verdict: 'warning',
    what: /without limit/,
    remedy: /^ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'/,
  })
  await set('max_slot_wal_keep_size', '64MB')
  const writing = own.sql('INSERT INTO w SELECT repeat(md5(i::text), 10) FROM generate_series(1, 300000) i')
  only(await found(source, { measureMs: 1000 }), {
    id: 'wal_keep',
    verdict: 'warning',
    what: /max_slot_wal_keep_size = 64 MB lasts .* at .* of WAL in a second/,
    remedy: /max_slot_wal_keep_size/,
  })
  await writing
  await set('max_slot_wal_keep_size', '10GB')
  await set('idle_replication_slot_timeout', '1h')
  only(await found(source), {
    id: 'idle_slots',
    verdict: 'warning',
    what: /idle_replication_slot_timeout is 60 minutes/,
    remedy: /idle_replication_slot_timeout = '0'/,
  })
})

test('a server that has no room for a slot: wal_level, slots, WAL senders, connections', async () => {
  await using own = await PostgresServerUnderTest.start({ version: 18, settings: { max_slot_wal_keep_size: '10GB' } })
  await own.sql('CREATE TABLE t (id int PRIMARY KEY, v int)')
  const source = own.source()
  const restartedWith = async (settings: Readonly<Record<string, string>>): Promise<readonly Finding[]> => {
    own.configure(settings)
    await own.restart()
    return await found(source)
  }
  only(await restartedWith({ max_replication_slots: '1' }), {
    id: 'slots',
    what: /only 1 replication slot is free: 0 of max_replication_slots = 1/,
    remedy: /^ALTER SYSTEM SET max_replication_slots = '5', then restart/,
  })
  await own.sql(`SELECT pg_create_logical_replication_slot('theirs', 'pgoutput')`)
  only(await found(source), {
    id: 'slots',
    what: /no replication slot is free: 1 of max_replication_slots = 1/,
    remedy: /pg_drop_replication_slot\('theirs'\)$/,
  })
  await own.sql(`SELECT pg_drop_replication_slot('theirs')`)
  only(await restartedWith({ max_replication_slots: '10', max_wal_senders: '1' }), {
    id: 'wal_senders',
    what: /only 1 WAL sender is free/,
    remedy: /^ALTER SYSTEM SET max_wal_senders = '5'/,
  })
  const taken = await openRawConnection({ source, replication: true })
  only(await found(source), { id: 'wal_senders', what: /no WAL sender is free: 1 of/, remedy: /pg_stat_replication/ })
  await taken.close()
  only(await restartedWith({ max_wal_senders: '10', max_connections: '8' }), {
    id: 'connections',
    verdict: 'warning',
    what: /only \d connections are free/,
    remedy: /max_connections = '20'/,
  })
  only(await restartedWith({ max_connections: '100', wal_level: 'replica' }), {
    id: 'wal_level',
    what: /wal_level is replica/,
    remedy: /^ALTER SYSTEM SET wal_level = 'logical', then restart PostgreSQL$/,
  })
})

test('a standby is named as one, and refused', async () => {
  for (const version of [18, 15] as const) {
    await using primary = await PostgresServerUnderTest.start({
      version,
      settings: { max_slot_wal_keep_size: '10GB' },
    })
    await primary.sql('CREATE TABLE t (id int PRIMARY KEY, v int); CREATE PUBLICATION pg_changefeed FOR TABLE t')
    await using standby = await primary.standby()
    await primary.reached(standby)
    const old = version < 16
    only(await found(standby.source(), { state: undefined }), {
      id: 'standby',
      what: /the server is a standby/,
      remedy: /target_session_attrs=read-write/,
    })
    const watching = watchTables(standby.source(), [{ relid: 16_384 }])
    await assert.rejects(watching, { message: /on a standby: changefeeds read the primary/, sqlstate: '25006' })
    // The primary is told that its standby would not have the slot.
    const [failover] = (await found(primary.source(), { tables: [] })).filter(({ id }) => id === 'failover')
    assert.match(failover?.what ?? '', old ? /before version 17/ : /synchronized_standby_slots is empty/)
    if (old) continue
    const synchronized = async (names: string): Promise<Finding | undefined> => {
      await primary.sql(`ALTER SYSTEM SET synchronized_standby_slots = '${names}'`)
      await primary.sql('SELECT pg_reload_conf()')
      return (await found(primary.source(), { tables: [] })).find(({ id }) => id === 'failover')
    }
    await within(10_000, 'the standby is known', async () => (await synchronized('standby')) === undefined)
    const gone = await synchronized('standby, gone')
    assert.match(gone?.what ?? '', /names gone, and no standby uses that slot now/)
    assert.match(gone?.remedy ?? '', /SET synchronized_standby_slots = 'standby'/)
  }
})

test('a table that somebody has locked is described all the same, and the doctor does not wait for it', async () => {
  const db = await database()
  const holder = await openRawConnection({ source: db.owner, parameters: {}, applicationName: 'app' })
  await holder.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE')
  only(await found(db.owner), {
    id: 'scan',
    verdict: 'warning',
    what: /its size could not be read: canceling statement due to lock timeout/,
    remedy: /end what has locked the table/,
  })
  await holder.close()
  assert.deepEqual(await found(db.owner), [])
})

test('where a provider is recognised, the remedy is in its words', async () => {
  const db = await database()
  const source = await db.prepared()
  await db.sql(`ALTER ROLE ${source.user} NOREPLICATION; CREATE ROLE rds_superuser`)
  try {
    const { findings } = await examine({ source, state: source, tables: [], measureMs: 1 })
    assert.equal(findings.find(({ id }) => id === 'provider')?.what, 'Amazon RDS')
    assert.match(findings.find(({ id }) => id === 'replication')?.remedy ?? '', /^GRANT rds_replication TO cdc\d+$/)
  } finally {
    await db.sql('DROP ROLE rds_superuser')
  }
})

test('publications of all tables, of schemas and of a partitioned root contain a table', async () => {
  const db = await database()
  const source = await db.prepared()
  await db.sql('DROP PUBLICATION pg_changefeed; CREATE PUBLICATION pg_changefeed FOR TABLES IN SCHEMA public')
  assert.deepEqual(await found(source), [])
  await db.sql('DROP PUBLICATION pg_changefeed; CREATE PUBLICATION pg_changefeed FOR ALL TABLES')
  assert.deepEqual(await found(source), [])
  await db.sql('ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (v) STORED')
  only(await found(source), { id: 'published', what: /only some of its columns/, remedy: /publish_generated_columns/ })
  await db.sql('ALTER PUBLICATION pg_changefeed SET (publish_generated_columns = stored)')
  assert.deepEqual(await found(source), [])
  await db.sql(
    `DROP PUBLICATION pg_changefeed; DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE one PARTITION OF t FOR VALUES IN (1); GRANT SELECT ON t, one TO ${source.user}; CREATE PUBLICATION pg_changefeed FOR TABLE t`,
  )
  assert.deepEqual(await found(source), [])
  assert.deepEqual(await found(source, { tables: [{ schema: 'public', name: 'one' }] }), [])
  await db.sql('ALTER PUBLICATION pg_changefeed SET (publish_via_partition_root)')
  const root = only(await found(source), { id: 'publication', what: /as their root/, remedy: /= false\)$/ })
  await db.sql(root.remedy ?? '')
  assert.deepEqual(await found(source), [])
})
