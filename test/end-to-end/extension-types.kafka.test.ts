// Types of extensions, and types that people make, by their text: in JSON, CSV and Avro, as values and as keys.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { SinklessFeed } from '../feed/sinkless-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { skipWithoutRegistry as skip } from '../services/registry/require-registry.ts'
import { SchemaRegistryServer } from '../services/registry/schema-registry.ts'
import { endTogether, startTogether } from '../support/services.ts'

/** A type, a value as SQL, and its JSON. */
const cases: readonly (readonly [string, string, string])[] = [
  ['hstore', `'a=>1, "b c"=>NULL'`, String.raw`"\"a\"=>\"1\", \"b c\"=>NULL"`],
  ['citext', `'Ab'`, '"Ab"'],
  ['ltree', `'a.b.c'`, '"a.b.c"'],
  ['cube', `'(1,2),(3,4)'`, '"(1, 2),(3, 4)"'],
  ['seg', `'1 .. 2'`, '"1 .. 2"'],
  ['isbn13', `'978-0-393-04002-9'`, '"978-0-393-04002-9"'],
  ['mood', `'so so'`, '"so so"'],
  ['short', `'ab'`, '"ab"'],
  ['numrange', `'[1,2)'`, '"[1,2)"'],
  ['nummultirange', `'{[1,2),[3,4)}'`, '"{[1,2),[3,4)}"'],
  ['citext[]', `ARRAY['a', 'B']::citext[]`, '["a", "B"]'],
]

let server: TestServer
let registry: SchemaRegistryServer
before(async () => {
  if (skip !== false) return
  ;[server, registry] = await startTogether(TestServer.start(), SchemaRegistryServer.start())
  await server.sql(
    `CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE EXTENSION cube; CREATE EXTENSION seg; CREATE EXTENSION isn;
     CREATE TYPE mood AS ENUM ('so so'); CREATE DOMAIN short AS varchar(5)`,
  )
  for (const [i, [type, value]] of cases.entries()) {
    await server.sql(
      `CREATE TABLE v${i} (id int PRIMARY KEY, v ${type}, g int GENERATED ALWAYS AS IDENTITY); INSERT INTO v${i} VALUES (1, ${value})`,
    )
    await server.sql(`CREATE TABLE k${i} (k ${type} PRIMARY KEY, n int); INSERT INTO k${i} VALUES (${value}, 1)`)
  }
})
after(() => endTogether(server, registry))

const targets = cases.flatMap((_, i) => [`v${i}`, `k${i}`]).join(', ')

async function follow(feed: SinklessFeed): Promise<void> {
  await feed.row(2 * cases.length)
  for (const i of cases.keys()) {
    await server.sql(`UPDATE v${i} SET id = id + 1; UPDATE k${i} SET n = n + 1`)
  }
  // An update of the key is a deletion and a row.
  await feed.row(5 * cases.length)
}

test('JSON has the text of the type, as a value and as a key', { skip }, async () => {
  await using feed = await SinklessFeed.open(server, `CREATE CHANGEFEED FOR ${targets}`)
  await follow(feed)
  for (const [i, [type, , json]] of cases.entries()) {
    assert.ok(
      feed.texts.includes(`v${i}: [2]->{"after": {"g": 1, "id": 2, "v": ${json}}}`),
      `${type}: ${feed.texts.filter((text) => text.startsWith(`v${i}:`)).join()}`,
    )
    assert.ok(
      feed.texts.includes(`k${i}: [${json}]->{"after": {"k": ${json}, "n": 2}}`),
      `${type}: ${feed.texts.filter((text) => text.startsWith(`k${i}:`)).join()}`,
    )
  }
})

test('Avro has it, too', { skip }, async () => {
  const options = `format = avro, confluent_schema_registry = '${registry.url}'`
  await using feed = await SinklessFeed.open(server, `CREATE CHANGEFEED FOR ${targets} WITH ${options}`, {
    registry: registry.url,
  })
  await follow(feed)
  for (const [i, [type, , json]] of cases.entries()) {
    const texts = feed.texts.filter((text) => text.startsWith(`v${i}:`) || text.startsWith(`k${i}:`))
    assert.ok(texts.length >= 5 && texts.some((text) => text.includes(json)), `${type}: ${texts.join()}`)
  }
})

test('CSV has it as text', { skip }, async () => {
  await using feed = await SinklessFeed.open(
    server,
    `CREATE CHANGEFEED FOR ${targets} WITH initial_scan = 'only', format = csv`,
  )
  await feed.ended
  assert.equal(feed.error, undefined)
  assert.equal(feed.rows.length, 2 * cases.length)
  assert.ok(feed.rows.some(({ value }) => value.includes('978-0-393-04002-9')))
})
