// EXPLAIN CHANGEFEED says what CREATE CHANGEFEED would do, and does nothing.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startAttached } from '../server/attached.ts'
import { TestServer } from '../server/test-server.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
  await server.sql(
    'CREATE TABLE t (id INT PRIMARY KEY, v INT); CREATE TABLE long (id INT PRIMARY KEY, v STRING); CREATE TABLE keyless (v INT)',
  )
})
after(() => server[Symbol.asyncDispose]())

interface Line {
  readonly subject: string
  readonly check: string
  readonly status: string
  readonly detail: string
  readonly remedy: string | null
}

async function explain(what: string, user?: string): Promise<readonly Line[]> {
  const client = await server.connect('defaultdb', user)
  try {
    return (await client.query<Line>(`EXPLAIN CHANGEFEED FOR ${what}`)).rows
  } finally {
    await client.end()
  }
}

function line(lines: readonly Line[], subject: string, check: string): Line {
  const found = lines.find((one) => one.subject === subject && one.check === check)
  assert.ok(found, `${subject} ${check} in ${JSON.stringify(lines)}`)
  return found
}

test('targets, topics, what would be changed, the sink without its secrets, and the checks of the doctor', async () => {
  const lines = await explain(
    `TABLE t, long INTO 'kafka://nowhere.invalid:9092?topic_prefix=p_&tls_enabled=true&sasl_enabled=true&sasl_mechanism=PLAIN&sasl_user=me&sasl_password=secret' WITH updated, diff`,
  )
  assert.match(line(lines, 'public.t', 'target').detail, /^relid \d+, topic p_t, key \(id\)$/)
  const sink = line(lines, 'statement', 'sink').detail
  assert.match(
    sink,
    /^an initial scan and changes as json, envelope wrapped, go to kafka:\/\/nowhere\.invalid:9092.*, which was not connected to$/,
  )
  assert.ok(!JSON.stringify(lines).includes('secret'))
  assert.match(line(lines, 'public.long', 'changes').detail, /ALTER TABLE public\.long REPLICA IDENTITY FULL$/)
  assert.equal(line(lines, 'public.t', 'identity').status, 'warning', 'diff needs the old row')
  assert.equal(line(lines, 'server', 'wal_level').status, 'ok')
  assert.match(line(lines, 'public.t', 'scan').detail, /an initial scan reads/)
  const watched = await server.sql(
    `SELECT relname FROM pg_class WHERE relreplident = 'f' AND relname IN ('t', 'long') UNION ALL SELECT slot_name FROM pg_replication_slots UNION ALL SELECT job_id::text FROM [SHOW JOBS] UNION ALL SELECT pubname FROM pg_publication`,
  )
  assert.deepEqual(watched, [], 'nothing was changed')
})

test('what is changed of a partition is a line of its partitioned table, and each line has a subject', async () => {
  await server.sql(
    'CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY LIST (id); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1)',
  )
  const lines = await explain('parted')
  assert.match(
    line(lines, 'public.parted', 'changes').detail,
    /ALTER TABLE ONLY public\.parted_1 REPLICA IDENTITY FULL$/,
  )
  assert.ok(lines.every(({ subject }) => subject !== ''))
})

test('a table that cannot be followed is a line with the way out, not an error; a statement that means nothing is one', async () => {
  await server.sql('CREATE VIEW seen AS SELECT * FROM t')
  const lines = await explain('TABLE seen')
  assert.equal(line(lines, 'statement', 'plan').status, 'failure')
  assert.match(line(lines, 'public.seen', 'table').detail, /a view/)
  assert.match(line(await explain('TABLE keyless'), 'public.keyless', 'changes').detail, /rowid/)
  await assert.rejects(explain('TABLE nothing'), {
    code: '42P01',
    message: 'failed to resolve targets in the CHANGEFEED stmt: table "nothing" does not exist',
    hint: /^the database "\w+" of this connection has no such table; one of another database is named as database\.schema\.table$/,
  })
  await assert.rejects(explain('TABLE keylss'), { code: '42P01', hint: 'did you mean keyless?' })
  await server.sql('CREATE TABLE "OrderItems" (id INT PRIMARY KEY)')
  await assert.rejects(explain('TABLE OrderItems'), {
    code: '42P01',
    hint: 'there is a table public."OrderItems": FOR TABLE public."OrderItems"',
  })
  await assert.rejects(explain('TABLE t WITH nonsense'), { code: '22023' })
  await assert.rejects(explain('TABLE'), { code: '42601' })
})

test('a setting that forbids changefeeds is a line with the statement, beside the others', async () => {
  await server.sql('SET CLUSTER SETTING kv.rangefeed.enabled = false')
  try {
    const lines = await explain('TABLE t')
    const [plan] = lines
    assert.equal(plan?.status, 'failure')
    assert.equal(plan?.remedy, 'SET CLUSTER SETTING kv.rangefeed.enabled = true')
    line(lines, 'public.t', 'target')
  } finally {
    await server.sql('SET CLUSTER SETTING kv.rangefeed.enabled = true')
  }
})

test('a role that may not read the table is told so, and sees no transactions of others', async () => {
  await server.sql('CREATE USER stranger')
  const lines = await explain('TABLE t', 'stranger')
  const plan = line(lines, 'statement', 'plan')
  assert.match(plan.detail, /user stranger requires the SELECT privilege/)
  assert.match(plan.remedy ?? '', /GRANT SELECT ON public\.t TO stranger/)
  assert.ok(lines.every(({ check }) => check !== 'transactions'))
})

test('while its own server reads the slot, that is in order; and PostgreSQL keeps its EXPLAIN', async () => {
  await server.sql(`CREATE CHANGEFEED FOR t INTO 'null://'`)
  const lines = await explain('TABLE t')
  assert.equal(line(lines, 'server', 'our_slot').status, 'ok')
  assert.match(line(lines, 'server', 'mode').detail, /are there$/)
  const [plan] = await server.sql('EXPLAIN SELECT * FROM t')
  assert.match(String(plan?.['QUERY PLAN']), /Scan/)
})

test('the statement can be prepared and described, with placeholders', async () => {
  const client = await server.connect('defaultdb')
  try {
    const { rows, fields } = await client.query<Line>({
      name: 'explained',
      text: 'EXPLAIN CHANGEFEED FOR t INTO $1 WITH resolved = $2',
      values: ['null://', '10s'],
    })
    assert.deepEqual(
      fields.map(({ name }) => name),
      ['subject', 'check', 'status', 'detail', 'remedy'],
    )
    assert.match(line(rows, 'statement', 'sink').detail, /null:/)
  } finally {
    await client.end()
  }
})

test('in a database that a DBA prepares, what is missing is named, and nothing is said to be changed by us', async () => {
  await using attached = await startAttached({
    role: { name: 'cdc', attributes: 'REPLICATION' },
    ownsDatabase: true,
    settings: { max_slot_wal_keep_size: '10GB' },
  })
  const { postgres } = attached
  await postgres.sql(
    'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY); GRANT SELECT ON t TO cdc; CREATE PUBLICATION pg_changefeed FOR TABLE u',
    'app',
  )
  const lines = (await attached.server.sql('EXPLAIN CHANGEFEED FOR t, u')) as unknown as readonly Line[]
  const wrong = lines.filter(({ status }) => status !== 'ok')
  assert.deepEqual(
    wrong.map(({ subject, check, remedy }) => [subject, check, remedy]),
    [
      ['public.t', 'identity', 'ALTER TABLE public.t REPLICA IDENTITY FULL'],
      ['public.t', 'published', 'ALTER PUBLICATION pg_changefeed ADD TABLE ONLY public.t'],
      ['public.u', 'select', 'GRANT SELECT ON public.u TO cdc'],
    ],
  )
  assert.ok(lines.every(({ check }) => check !== 'changes' && check !== 'notice'))
  for (const { remedy } of wrong) await postgres.sql(remedy ?? '', 'app')
  const after = (await attached.server.sql('EXPLAIN CHANGEFEED FOR t, u')) as unknown as readonly Line[]
  assert.deepEqual(
    after.filter(({ status }) => status !== 'ok'),
    [],
  )
  await attached.server.sql(`CREATE CHANGEFEED FOR t, u INTO 'null://'`)
})
