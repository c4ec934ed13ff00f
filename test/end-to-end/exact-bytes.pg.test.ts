// Every type through the whole product, from the log and from a scan: the same bytes, and the ones that are specified.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { TestServer } from '../server/test-server.ts'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { needsInstalled, needsVersion } from '../support/servers/server-of-tests.ts'
import { typeCases, typeSetUp } from '../support/type-cases.ts'

let server: TestServer
before(async () => {
  server = await TestServer.start()
})
after(() => server[Symbol.asyncDispose]())

/** Of a column of a type, with a value of its own in each row. */
const tables = [...Map.groupBy(typeCases, ([type]) => type)].map(([type, cases], i) => ({
  name: `of${i}`,
  type,
  cases,
}))
const targets = tables.map(({ name }) => name).join(', ')

test('a scan and the log give the same bytes of every type, the specified ones', { timeout: 300_000 }, async () => {
  // The table that the case of regclass names.
  await server.sql(`${typeSetUp}; CREATE TABLE every_type (id INT PRIMARY KEY)`)
  await server.sql(tables.map(({ name, type }) => `CREATE TABLE ${name} (id INT PRIMARY KEY, v ${type})`).join(';'))
  await using live = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${targets} WITH resolved`)
  await live.resolvedPast(zeroHlc)
  const inserts = tables.flatMap(({ name, cases }) =>
    cases.map(([, sql], i) => `INSERT INTO ${name} VALUES (${i}, ${sql})`),
  )
  await server.sql(inserts.join(';'))
  await live.row(typeCases.length)
  await using scan = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR ${targets} WITH initial_scan = 'only'`,
  )
  await scan.ended
  assert.equal(scan.error, undefined)
  const expected = tables.flatMap(({ name, cases }) =>
    cases.map(([, , json], i) => `${name}: [${i}]->{"after": {"id": ${i}, "v": ${json}}}`),
  )
  assert.deepEqual([...live.texts].sort(), expected.sort())
  assert.deepEqual([...scan.texts].sort(), expected)
})

test('each of these types serves as a key, and key_in_value repeats its bytes', { timeout: 300_000 }, async () => {
  const keyed = tables.filter(({ type }) => indexable.test(type))
  assert.ok(keyed.length > 40)
  await server.sql(keyed.map(({ name, type }) => `CREATE TABLE k_${name} (v ${type} PRIMARY KEY, n INT)`).join(';'))
  const names = keyed.map(({ name }) => `k_${name}`).join(', ')
  await using live = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${names} WITH resolved, key_in_value`)
  await live.resolvedPast(zeroHlc)
  // Equal values that print differently are one key.
  const inserts = keyed.flatMap(({ name, cases }) =>
    cases.flatMap(([, sql]) =>
      sql === 'NULL' ? [] : [`INSERT INTO k_${name} VALUES (${sql}, 0) ON CONFLICT DO NOTHING`],
    ),
  )
  await server.sql(inserts.join(';'))
  await server.sql(keyed.map(({ name }) => `UPDATE k_${name} SET n = 1`).join(';'))
  await server.sql(keyed.map(({ name }) => `DELETE FROM k_${name}`).join(';'))
  await server.sql(`INSERT INTO k_${keyed[0]?.name} VALUES (${keyed[0]?.cases[0]?.[1]}, 9)`)
  while (live.rows.at(-1)?.value.includes('"n": 9') !== true) await live.row(live.rows.length + 1)
  const rows = live.rows.slice(0, -1)
  assert.equal(rows.length % 3, 0)
  const third = rows.length / 3
  const shown = (from: number): string[] =>
    rows
      .slice(from, from + third)
      .map(({ topic, key }) => `${topic} ${key}`)
      .sort()
  assert.deepEqual(shown(third), shown(0))
  assert.deepEqual(shown(2 * third), shown(0))
  for (const [i, { key, value }] of rows.entries()) {
    const inKey = key.slice(1, -1)
    // Only in keys are an array's bounds told: there, two arrays that are not equal must not print alike.
    const json = withBounds.get(inKey) ?? inKey
    const n = i < third ? 0 : 1
    const row = i < 2 * third ? `{"n": ${n}, "v": ${json}}` : 'null'
    assert.equal(value, `{"after": ${row}, "key": ${key}}`)
  }
})

/** Arrays as they are in keys, and as they are in values. */
const withBounds: ReadonlyMap<string, string> = new Map([
  ['"[0:2]={1,2,3}"', '[1, 2, 3]'],
  ['"[-1:0][2:3]={{a,b},{c,d}}"', '[["a", "b"], ["c", "d"]]'],
])

/** What PostgreSQL has a b-tree for. */
const indexable =
  /^(?:int[248]|float[48]|numeric.*|bool|text.*|varchar\(3\)|char\(4\)|name|bytea|date|time|timetz|timestamp|timestamptz|interval|uuid|inet|cidr|macaddr8?|jsonb|mood|moods|small|int4\[\]|text\[\]|bool\[\]|mood\[\]|pair|bit\(3\)|varbit|oid|pg_lsn|tsvector|int4range|int4multirange|textrange|words|spans|documents|"char"|money)$/

test('names need no mercy: upper case, quotes, dots, spaces, emoji, and __crdb__', async () => {
  const columns = [
    '"B"',
    '_',
    'a',
    '__crdb__',
    '"é"',
    '"q""uote"',
    '" "',
    '"back\\slash"',
    '"new\nline"',
    '"😀"',
    '"{}"',
    'zz',
  ]
  const name = '"We ird.""T"'
  await server.sql(
    `CREATE TABLE ${name} (${columns.map((column) => `${column} INT`).join(', ')}, PRIMARY KEY (zz, "B", "q""uote"))`,
  )
  await using wrapped = await SinklessFeed.open(
    server,
    `EXPERIMENTAL CHANGEFEED FOR ${name} WITH resolved, full_table_name, topic_in_value, key_in_value, diff`,
  )
  await using row = await SinklessFeed.open(server, `EXPERIMENTAL CHANGEFEED FOR ${name} WITH resolved, envelope = row`)
  await Promise.all([wrapped.resolvedPast(zeroHlc), row.resolvedPast(zeroHlc)])
  await server.sql(`INSERT INTO ${name} VALUES (${columns.map((_, i) => i).join(', ')})`)
  await server.sql(`DELETE FROM ${name}`)
  const json = String.raw`{" ": 6, "B": 0, "_": 1, "__crdb__": 3, "a": 2, "back\\slash": 7, "new\nline": 8, "q\"uote": 5, "zz": 11, "{}": 10, "é": 4, "😀": 9}`
  const topic = String.raw`"key": [11, 0, 5], "topic": "defaultdb.public.We ird.\"T"`
  await wrapped.row(2)
  assert.deepEqual(wrapped.texts, [
    `defaultdb.public.We ird."T: [11, 0, 5]->{"after": ${json}, "before": null, ${topic}}`,
    `defaultdb.public.We ird."T: [11, 0, 5]->{"after": null, "before": ${json}, ${topic}}`,
  ])
  await row.row(2)
  assert.deepEqual(row.texts, [`We ird."T: [11, 0, 5]->${json}`, 'We ird."T: [11, 0, 5]->'])
})

test('a table of 1600 columns comes whole', async () => {
  const columns = Array.from({ length: 1600 }, (_, i) => `c${String(i).padStart(4, '0')}`)
  await server.sql(
    `CREATE TABLE widest (${columns.map((c, i) => `${c} int2${i === 0 ? ' PRIMARY KEY' : ''}`).join(', ')})`,
  )
  await server.sql(`INSERT INTO widest VALUES (${columns.map((_, i) => (i % 3 === 2 ? 'NULL' : i)).join(', ')})`)
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR widest')
  await feed.row(1)
  await server.sql('UPDATE widest SET c0001 = -1')
  await feed.row(2)
  const json = (second: number): string =>
    `{${columns.map((c, i) => `"${c}": ${i === 1 ? second : i % 3 === 2 ? 'null' : i}`).join(', ')}}`
  assert.deepEqual(feed.texts, [`widest: [0]->{"after": ${json(1)}}`, `widest: [0]->{"after": ${json(-1)}}`])
})

/** PostgreSQL refuses REPLICA IDENTITY FULL with them, which the DBA of the tests gives every table. */
const virtual = { skip: needsInstalled === false ? needsVersion(18) : needsInstalled }
test('generated columns: what is stored comes, what is virtual does not', virtual, async () => {
  await server.sql(
    `CREATE TABLE made (a INT, b INT GENERATED ALWAYS AS (a + 1) STORED, c INT GENERATED ALWAYS AS (a + 2) VIRTUAL, PRIMARY KEY (b, a));
     INSERT INTO made (a) VALUES (1)`,
  )
  await using feed = await SinklessFeed.open(server, 'EXPERIMENTAL CHANGEFEED FOR made')
  await feed.row(1)
  await server.sql('INSERT INTO made (a) VALUES (10); UPDATE made SET a = 2 WHERE a = 1')
  await feed.row(4)
  assert.deepEqual(feed.texts, [
    'made: [2, 1]->{"after": {"a": 1, "b": 2}}',
    'made: [11, 10]->{"after": {"a": 10, "b": 11}}',
    'made: [2, 1]->{"after": null}',
    'made: [3, 2]->{"after": {"a": 2, "b": 3}}',
  ])
})

test('a composite type that changes while it is watched never loses an attribute', async () => {
  await server.sql(
    `CREATE TYPE changing AS (b text, a int4); CREATE TABLE changes (id INT PRIMARY KEY, one changing, many changing[]);
     INSERT INTO changes VALUES (1, ROW('x', 1), ARRAY[ROW('y', 2)::changing])`,
  )
  await using feed = await SinklessFeed.open(
    server,
    'EXPERIMENTAL CHANGEFEED FOR changes WITH schema_change_policy = nobackfill',
  )
  await feed.row(1)
  // Where nothing of ours is in the database, the catalogue has to be read between a row and the next change of its types.
  const told = async (count: number): Promise<unknown> => (needsInstalled === false ? undefined : await feed.row(count))
  await server.sql('ALTER TYPE changing ADD ATTRIBUTE c text CASCADE')
  await server.sql(`INSERT INTO changes VALUES (2, ROW('x', 1, 'z'), ARRAY[ROW('y', 2, 'Z')::changing])`)
  await told(2)
  await server.sql('ALTER TYPE changing DROP ATTRIBUTE b')
  await server.sql(`INSERT INTO changes VALUES (3, ROW(1, 'z'), ARRAY[ROW(2, 'Z')::changing])`)
  await told(3)
  // Nor does anybody tell then when an attribute has got its new name: a row of that moment has either.
  if (needsInstalled !== false) return
  await server.sql('ALTER TYPE changing RENAME ATTRIBUTE a TO renamed')
  await server.sql('UPDATE changes SET id = 10 WHERE id = 1')
  await feed.row(5)
  assert.deepEqual(feed.texts, [
    'changes: [1]->{"after": {"id": 1, "many": [{"a": 2, "b": "y"}], "one": {"a": 1, "b": "x"}}}',
    'changes: [2]->{"after": {"id": 2, "many": [{"a": 2, "b": "y", "c": "Z"}], "one": {"a": 1, "b": "x", "c": "z"}}}',
    'changes: [3]->{"after": {"id": 3, "many": [{"a": 2, "c": "Z"}], "one": {"a": 1, "c": "z"}}}',
    'changes: [1]->{"after": null}',
    'changes: [10]->{"after": {"id": 10, "many": [{"c": null, "renamed": 2}], "one": {"c": null, "renamed": 1}}}',
  ])
})
