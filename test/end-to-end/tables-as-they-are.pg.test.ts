// Tables as people have them: keys that are no primary keys, tables that cannot be watched, and names of every kind.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { PostgresServerUnderTest } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'

let theirs: PostgresServerUnderTest
let server: TestServer
before(async () => {
  theirs = await PostgresServerUnderTest.start({ version: 18 })
  await theirs.sql('CREATE DATABASE app')
  server = await TestServer.start({ attached: { url: theirs.url('app'), user: 'postgres', database: 'app' } })
})
after(async () => {
  await server[Symbol.asyncDispose]()
  await theirs[Symbol.asyncDispose]()
})

const open = (sql: string): Promise<SinklessFeed> => SinklessFeed.open(server, sql)

interface Refusal {
  readonly message: string
  readonly hint: string
}

async function refusalOf(sql: string): Promise<Refusal> {
  await using feed = await open(sql)
  await feed.ended
  return { message: feed.error?.message ?? '', hint: feed.error?.hint ?? '' }
}

async function identityOf(table: string): Promise<unknown> {
  const [row] = await server.sql(`SELECT relreplident FROM pg_class WHERE oid = '${table}'::regclass`)
  return row?.['relreplident']
}

test('the index of the replica identity is the key of a table without a primary key, in its order', async () => {
  await server.sql(
    `CREATE TABLE by_index (v int, b int NOT NULL, a text NOT NULL); CREATE UNIQUE INDEX by_index_key ON by_index (a, b);
     ALTER TABLE by_index ALTER a SET STORAGE PLAIN; ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_key; INSERT INTO by_index VALUES (1, 2, 'x')`,
  )
  await using feed = await open('CREATE CHANGEFEED FOR by_index')
  await feed.row(1)
  for (const sql of ['UPDATE by_index SET v = 2', 'UPDATE by_index SET b = 3', 'DELETE FROM by_index'])
    await server.sql(sql)
  await feed.row(5)
  assert.deepEqual(feed.texts, [
    'by_index: ["x", 2]->{"after": {"a": "x", "b": 2, "v": 1}}',
    'by_index: ["x", 2]->{"after": {"a": "x", "b": 2, "v": 2}}',
    'by_index: ["x", 2]->{"after": null}',
    'by_index: ["x", 3]->{"after": {"a": "x", "b": 3, "v": 2}}',
    'by_index: ["x", 3]->{"after": null}',
  ])
})

test('where such a table needs whole old rows it keeps its key, also for later changefeeds, until the index is dropped', async () => {
  await server.sql(
    `CREATE TABLE toasted (id int NOT NULL, big text); CREATE UNIQUE INDEX toasted_key ON toasted (id); CREATE UNIQUE INDEX toasted_other ON toasted (id);
     ALTER TABLE toasted REPLICA IDENTITY USING INDEX toasted_key; INSERT INTO toasted VALUES (1, 'a')`,
  )
  await using feed = await open('CREATE CHANGEFEED FOR toasted WITH diff')
  await feed.row(1)
  assert.equal(await identityOf('toasted'), 'f')
  await server.sql(`UPDATE toasted SET big = 'b'`)
  await feed.row(2)
  assert.equal(feed.texts[1], 'toasted: [1]->{"after": {"big": "b", "id": 1}, "before": {"big": "a", "id": 1}}')
  await using later = await open('CREATE CHANGEFEED FOR toasted')
  await later.row(1)
  await server.sql('DROP INDEX toasted_key')
  await server.sql(`UPDATE toasted SET big = 'c'`)
  await feed.ended
  assert.match(feed.error?.message ?? '', /no primary key|cannot be told apart/)
  const { message, hint } = await refusalOf('CREATE CHANGEFEED FOR toasted')
  assert.equal(message, 'table "toasted" has no primary key')
  assert.match(hint, /REPLICA IDENTITY USING INDEX toasted_other makes that index the key/)
})

test('the index may be changed for another one, and its columns are the key from then on', async () => {
  await server.sql(
    `CREATE TABLE switched (a int NOT NULL, b int NOT NULL); CREATE UNIQUE INDEX switched_a ON switched (a); CREATE UNIQUE INDEX switched_b ON switched (b);
     ALTER TABLE switched REPLICA IDENTITY USING INDEX switched_a; INSERT INTO switched VALUES (1, 10)`,
  )
  await using feed = await open(`CREATE CHANGEFEED FOR switched WITH initial_scan = 'no', resolved`)
  await feed.resolvedPast(zeroHlc)
  await server.sql('ALTER TABLE switched REPLICA IDENTITY USING INDEX switched_b')
  await server.sql('INSERT INTO switched VALUES (2, 20)')
  await server.sql('DELETE FROM switched WHERE a = 2')
  await feed.row(2)
  assert.deepEqual(feed.texts, ['switched: [20]->{"after": {"a": 2, "b": 20}}', 'switched: [20]->{"after": null}'])
  await assert.rejects(server.sql('ALTER TABLE switched REPLICA IDENTITY NOTHING'), /cannot be lessened/)
})

test('a table without any key is refused with the ways to give it one, and nothing is changed', async () => {
  await server.sql('CREATE TABLE keyless (a int, b int)')
  const { message, hint } = await refusalOf('CREATE CHANGEFEED FOR keyless')
  assert.equal(message, 'table "keyless" has no primary key')
  assert.match(hint, /ALTER TABLE public.keyless ADD PRIMARY KEY .*REPLICA IDENTITY USING INDEX/)
  await server.sql('UPDATE keyless SET a = 1')
})

test('what is no table that the log holds is refused by its kind, with what to do', async () => {
  await server.sql(
    `CREATE TABLE base (id int PRIMARY KEY, v int); CREATE VIEW a_view AS SELECT * FROM base; CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM base;
     CREATE SEQUENCE a_sequence; CREATE UNLOGGED TABLE an_unlogged (id int PRIMARY KEY); CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
     CREATE FOREIGN TABLE a_foreign (id int) SERVER s;
     CREATE TABLE parted (id int, v int) PARTITION BY RANGE (id); CREATE FOREIGN TABLE parted_f PARTITION OF parted FOR VALUES FROM (0) TO (1) SERVER s;
     CREATE TABLE half (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE UNLOGGED TABLE half_u PARTITION OF half FOR VALUES FROM (0) TO (1)`,
  )
  const cases: readonly (readonly [string, RegExp, RegExp])[] = [
    ['a_view', /cannot target views: a_view/, /tables that the view reads/],
    ['a_matview', /cannot target materialized views: a_matview/, /tables that it is made from/],
    ['a_sequence', /cannot target sequences: a_sequence/, /no changes of sequences/],
    ['a_foreign', /cannot target foreign tables: a_foreign/, /start the changefeed there/],
    ['an_unlogged', /cannot target unlogged tables: an_unlogged/, /SET LOGGED/],
    ['parted', /partition public.parted_f of table "parted" is a foreign table/, /DETACH PARTITION public.parted_f/],
    ['half', /partition public.half_u of table "half" is unlogged/, /ALTER TABLE public.half_u SET LOGGED/],
  ]
  for (const [name, message, hint] of cases) {
    const refusal = await refusalOf(`CREATE CHANGEFEED FOR ${name}`)
    assert.match(refusal.message, message)
    assert.match(refusal.hint, hint)
  }
  const all = await refusalOf('CREATE CHANGEFEED FOR TABLE public.*')
  assert.match(all.hint, /name the tables/)
})

test('of tables that inherit, only the one that is named is read, in the scan and in the stream, and a notice says so', async () => {
  await server.sql(
    `CREATE TABLE parent (id int PRIMARY KEY, v int); CREATE TABLE child (w int) INHERITS (parent); INSERT INTO parent VALUES (1, 1); INSERT INTO child VALUES (2, 2, 2)`,
  )
  await using feed = await open('CREATE CHANGEFEED FOR parent')
  await feed.row(1)
  await server.sql('UPDATE parent SET v = v + 1')
  await feed.row(2)
  assert.deepEqual(feed.texts, [
    'parent: [1]->{"after": {"id": 1, "v": 1}}',
    'parent: [1]->{"after": {"id": 1, "v": 2}}',
  ])
  assert.ok(feed.notices.some((text) => /"parent" has tables that inherit from it/.test(text)))
})

test('an unlogged partition cannot join a watched table, and a partition of it cannot become unlogged', async () => {
  await server.sql('CREATE TABLE logged (id int PRIMARY KEY) PARTITION BY RANGE (id)')
  await server.sql('CREATE TABLE logged_a PARTITION OF logged FOR VALUES FROM (0) TO (10)')
  await using feed = await open(`CREATE CHANGEFEED FOR logged WITH initial_scan = 'no', resolved`)
  await feed.resolvedPast(zeroHlc)
  await assert.rejects(
    server.sql('CREATE UNLOGGED TABLE logged_u PARTITION OF logged FOR VALUES FROM (10) TO (20)'),
    /table public.logged_u cannot be a partition of public.logged, which changefeeds watch: it is unlogged/,
  )
  await assert.rejects(server.sql('ALTER TABLE logged_a SET UNLOGGED'), /unlogged/)
  await server.sql('CREATE TABLE logged_b PARTITION OF logged FOR VALUES FROM (10) TO (20)')
  await assert.rejects(server.sql('ALTER TABLE logged_b SET UNLOGGED'), /cannot be unlogged/)
})

test('partitions get the replica identity that a changefeed needs, new ones too, and a detached one gets its own back', async () => {
  await server.sql('CREATE TABLE whole (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)')
  await server.sql('CREATE TABLE whole_a PARTITION OF whole FOR VALUES FROM (0) TO (10)')
  await using feed = await open(`CREATE CHANGEFEED FOR whole WITH diff, initial_scan = 'no', resolved`)
  await feed.resolvedPast(zeroHlc)
  await server.sql('CREATE TABLE whole_b PARTITION OF whole FOR VALUES FROM (10) TO (20)')
  await server.sql('INSERT INTO whole VALUES (1, 1), (11, 1)')
  await server.sql('UPDATE whole SET v = 2')
  await feed.row(4)
  assert.ok(feed.texts.includes('whole: [11]->{"after": {"id": 11, "v": 2}, "before": {"id": 11, "v": 1}}'))
  assert.equal(await identityOf('whole_a'), 'f')
  assert.equal(await identityOf('whole_b'), 'f')
  await server.sql('ALTER TABLE whole DETACH PARTITION whole_b')
  assert.equal(await identityOf('whole_b'), 'd')
})

test('a key that is no primary key holds for a partitioned table, whose leaves have none', async () => {
  await server.sql(
    `CREATE TABLE unkeyed (v int, id int NOT NULL) PARTITION BY RANGE (id); CREATE UNIQUE INDEX unkeyed_key ON unkeyed (id);
     ALTER TABLE unkeyed REPLICA IDENTITY USING INDEX unkeyed_key; CREATE TABLE unkeyed_a PARTITION OF unkeyed FOR VALUES FROM (0) TO (10); INSERT INTO unkeyed VALUES (1, 1)`,
  )
  await using feed = await open('CREATE CHANGEFEED FOR unkeyed')
  await feed.row(1)
  await server.sql('CREATE TABLE unkeyed_b PARTITION OF unkeyed FOR VALUES FROM (10) TO (20)')
  await server.sql('UPDATE unkeyed SET id = 11')
  await feed.row(3)
  assert.deepEqual(feed.texts, [
    'unkeyed: [1]->{"after": {"id": 1, "v": 1}}',
    'unkeyed: [1]->{"after": null}',
    'unkeyed: [11]->{"after": {"id": 11, "v": 1}}',
  ])
  await using whole = await open('CREATE CHANGEFEED FOR unkeyed WITH diff')
  await whole.row(1)
  await server.sql('UPDATE unkeyed SET v = 2')
  await whole.row(2)
  assert.equal(whole.texts[1], 'unkeyed: [11]->{"after": {"id": 11, "v": 2}, "before": {"id": 11, "v": 1}}')
  await feed.row(4)
})

test('names with dots, quotes, spaces, capitals, emoji and 63 bytes, of several schemas in one statement', async () => {
  const long = 'x'.repeat(63)
  const names = ['a.b', 'say "hi"', ' spaced out ', 'Capital', '😀', long]
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
  for (const [i, name] of names.entries()) {
    const schema = quoted(`s ${names[(i + 1) % names.length]}`.slice(0, 63))
    await server.sql(`CREATE SCHEMA ${schema}; CREATE TYPE ${schema}.${quoted(name)} AS ENUM ('v')`)
    await server.sql(
      `CREATE TABLE ${schema}.${quoted(`t ${name}`.slice(0, 63))} (${quoted(name)} int PRIMARY KEY, v ${schema}.${quoted(name)}) PARTITION BY RANGE (${quoted(name)});
       CREATE TABLE ${schema}.${quoted(`p ${name}`.slice(0, 63))} PARTITION OF ${schema}.${quoted(`t ${name}`.slice(0, 63))} FOR VALUES FROM (0) TO (10);
       INSERT INTO ${schema}.${quoted(`t ${name}`.slice(0, 63))} VALUES (1, 'v')`,
    )
  }
  const targets = names.map((name, i) => {
    const schema = quoted(`s ${names[(i + 1) % names.length]}`.slice(0, 63))
    return `${schema}.${quoted(`t ${name}`.slice(0, 63))}`
  })
  await using feed = await open(`CREATE CHANGEFEED FOR TABLE ${targets.join(', TABLE ')}`)
  await feed.row(names.length)
  for (const target of targets) await server.sql(`DELETE FROM ${target}`)
  await feed.row(2 * names.length)
  const shown = feed.rows.map(({ topic, key, value }) => `${topic} ${key} ${value}`)
  for (const name of names) {
    const topic = `t ${name}`.slice(0, 63)
    const after = `{${JSON.stringify(name)}: 1, "v": "v"}`
    const sorted = name > 'v' ? `{"v": "v", ${JSON.stringify(name)}: 1}` : after
    assert.ok(shown.includes(`${topic} [1] {"after": ${sorted}}`), `${name}: ${shown.join('; ')}`)
    assert.ok(shown.includes(`${topic} [1] {"after": null}`), name)
  }
})

test('a table of 1,600 columns is scanned and followed', async () => {
  const columns = Array.from({ length: 1599 }, (_, i) => `c${i} "char"`)
  await server.sql(
    `CREATE TABLE wide (id int PRIMARY KEY, ${columns.join(', ')}); INSERT INTO wide (id, c1598) VALUES (1, 'x')`,
  )
  await using feed = await open('CREATE CHANGEFEED FOR wide')
  await feed.row(1)
  await server.sql(`UPDATE wide SET c0 = 'y'`)
  await feed.row(2)
  assert.match(feed.rows[1]?.value ?? '', /"c0": "y".*"c1598": "x"/)
})

test(
  'a DETACH CONCURRENTLY that another transaction holds up is no gap, and is announced when it is complete',
  { timeout: 300_000 },
  async () => {
    await server.sql('CREATE TABLE slow (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)')
    await using feed = await open(`CREATE CHANGEFEED FOR slow WITH initial_scan = 'no', resolved`)
    await feed.resolvedPast(zeroHlc)
    await server.sql(
      'CREATE TABLE slow_a PARTITION OF slow FOR VALUES FROM (0) TO (10); CREATE TABLE slow_b PARTITION OF slow FOR VALUES FROM (10) TO (20)',
    )
    await server.sql('INSERT INTO slow VALUES (1, 1)')
    await feed.row(1)
    const holder = await server.connect()
    await holder.query('BEGIN; SELECT * FROM slow')
    const detaching = server.sql('ALTER TABLE slow DETACH PARTITION slow_a CONCURRENTLY')
    await until('it is pending', 20_000, async () =>
      (await server.sql('SELECT FROM pg_inherits WHERE inhdetachpending')).length > 0 ? true : undefined,
    )
    // A check of the publication and of the descriptions comes every few seconds.
    await new Promise((resolve) => setTimeout(resolve, 8000))
    await server.sql('INSERT INTO slow VALUES (11, 1)')
    await feed.row(2)
    await holder.query('COMMIT')
    await holder.end()
    await detaching
    await until('it is announced', 20_000, async () =>
      feed.notices.some((text) => /going on without partition "slow_a"/.test(text)) ? true : undefined,
    )
    await server.sql('INSERT INTO slow VALUES (12, 1)')
    await feed.row(3)
    assert.equal(feed.error, undefined)
  },
)

test('a partitioned table without partitions is scanned, and UNWATCH gives it back with all of its partitions', async () => {
  await server.sql('CREATE TABLE bare (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)')
  {
    await using feed = await open('CREATE CHANGEFEED FOR bare WITH diff, resolved')
    await feed.resolvedPast(zeroHlc)
    await server.sql('CREATE TABLE bare_a PARTITION OF bare FOR VALUES FROM (0) TO (10)')
    await server.sql('INSERT INTO bare VALUES (1, 1)')
    await feed.row(1)
    await using later = await open('CREATE CHANGEFEED FOR bare')
    await later.row(1)
  }
  const watched = `SELECT relid::regclass::text AS name FROM changefeed.watched WHERE relid::regclass::text LIKE 'bare%' ORDER BY 1`
  assert.deepEqual(await server.sql(watched), [{ name: 'bare' }, { name: 'bare_a' }])
  assert.equal(await identityOf('bare_a'), 'f')
  await until('it is given back', 20_000, async () => {
    await server.sql('UNWATCH TABLE bare').catch(() => undefined)
    return (await server.sql(watched)).length === 0 ? true : undefined
  })
  assert.equal(await identityOf('bare_a'), 'd')
  assert.equal(await identityOf('bare'), 'd')
  const members = await server.sql(
    `SELECT FROM pg_publication_tables WHERE pubname = 'pg_changefeed' AND tablename LIKE 'bare%'`,
  )
  assert.equal(members.length, 0)
})
