// Schemas that change under a registry with rules: readers with an older schema read the newer messages, and the other way
// round; and what happens to a change that the registry refuses.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { zeroHlc } from '../../src/core/hlc.ts'
import { KafkaFeed } from '../feed/kafka-feed.ts'
import { withoutTime } from '../feed/test-feed.ts'
import { TestServer } from '../server/test-server.ts'
import { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { AvroDecoder } from '../services/registry/avro-decoder.ts'
import { avroReaders } from '../services/registry/readers/readers.ts'
import { skipWithoutRegistry as skip } from '../services/registry/require-registry.ts'
import { SchemaRegistryServer, type Compatibility } from '../services/registry/schema-registry.ts'
import { endTogether, startTogether } from '../support/services.ts'
import { until } from '../support/until.ts'

let server: TestServer
let broker: KafkaBroker
let registry: SchemaRegistryServer

before(async () => {
  if (skip !== false) return
  ;[server, broker, registry] = await startTogether(
    TestServer.start(),
    KafkaBroker.start(),
    SchemaRegistryServer.start(),
  )
})
after(() => endTogether(server, broker, registry))

async function open(table: string, options = ''): Promise<KafkaFeed> {
  const format = `format = avro, confluent_schema_registry = '${registry.url}', min_checkpoint_frequency = '0s'`
  const statement = `CREATE CHANGEFEED FOR ${table} INTO 'kafka://${broker.bootstrap}' WITH ${format}${options}`
  return KafkaFeed.open({ server, broker, topics: [table], statement, registry: registry.url })
}

async function setCompatibility(table: string, level: Compatibility): Promise<void> {
  await registry.setCompatibility(`${table}-key`, level)
  await registry.setCompatibility(`${table}-value`, level)
}

/** The values of the feed, those of resolved messages aside. */
function valuesOf(feed: KafkaFeed): Buffer[] {
  return feed.records.flatMap(({ key, value }) => (key === null || value === null ? [] : [value]))
}

function schemaOf(message: Buffer | undefined): Promise<string> {
  return registry.schema(message?.readInt32BE(1) ?? 0)
}

for (const level of ['BACKWARD', 'FORWARD', 'FULL', 'FULL_TRANSITIVE'] as const)
  test(
    `columns are added, dropped and renamed under ${level}, and readers of all schemas read all messages`,
    { skip },
    async (t) => {
      const table = `evolves_${level.toLowerCase()}`
      await setCompatibility(table, level)
      await server.sql(`CREATE TABLE ${table} (id INT PRIMARY KEY, a TEXT, b INT NOT NULL)`)
      await server.sql(`INSERT INTO ${table} VALUES (1, 'a1', 11)`)
      await using feed = await open(table, ', updated, resolved')
      await feed.row(1)
      await server.sql(`ALTER TABLE ${table} ADD COLUMN c TEXT`)
      await server.sql(`INSERT INTO ${table} VALUES (2, 'a2', 12, 'c2')`)
      // The rows that are there come again.
      await server.sql(`ALTER TABLE ${table} ADD COLUMN d INT NOT NULL DEFAULT 7`)
      await server.sql(`INSERT INTO ${table} VALUES (3, 'a3', 13, 'c3', 3)`)
      await feed.row(5)
      await server.sql(`ALTER TABLE ${table} DROP COLUMN a`)
      await server.sql(`ALTER TABLE ${table} RENAME COLUMN b TO bee`)
      await server.sql(`INSERT INTO ${table} VALUES (4, 14, 'c4', 4)`)
      await feed.row(9)
      assert.deepEqual(
        withoutTime(feed.texts[8] ?? ''),
        `${table}: [4]->{"after": {"bee": 14, "c": "c4", "d": 4, "id": 4}}`,
      )

      const values = valuesOf(feed)
      const [oldest, newest] = [await schemaOf(values[0]), await schemaOf(values[8])]
      const row = (...fields: readonly string[]): string => `{"after":{"${table}":{${fields.join(',')}}}}`
      for (const { name, decode } of avroReaders((text) => t.diagnostic(text))) {
        const as = async (reader: string): Promise<string[]> =>
          (
            await decode(
              registry.url,
              values.map((bytes) => ({ bytes, reader })),
            )
          ).map((text) => text.replace(/,"updated":.*/, '}'))
        const inOld = await as(oldest)
        assert.equal(inOld[0], row('"id":{"long":1}', '"a":{"string":"a1"}', '"b":{"long":11}'), name)
        assert.equal(inOld[4], row('"id":{"long":3}', '"a":{"string":"a3"}', '"b":{"long":13}'), name)
        // A reader that does not know the new name sees no value.
        assert.equal(inOld[8], row('"id":{"long":4}', '"a":null', '"b":null'), name)
        const inNew = await as(newest)
        assert.equal(inNew[0], row('"id":{"long":1}', '"bee":null', '"c":null', '"d":null'), name)
        assert.equal(inNew[4], row('"id":{"long":3}', '"bee":null', '"c":{"string":"c3"}', '"d":{"long":3}'), name)
        assert.equal(
          inNew[8],
          row('"id":{"long":4}', '"bee":{"long":14}', '"c":{"string":"c4"}', '"d":{"long":4}'),
          name,
        )
      }
    },
  )

test('rows before a change evolve as those after it do, in a namespace of their own', { skip }, async (t) => {
  await registry.setCompatibility('shoporders-value', 'FULL_TRANSITIVE')
  await server.sql(`CREATE TABLE orders (id INT PRIMARY KEY, a TEXT); INSERT INTO orders VALUES (1, 'a1')`)
  await using feed = await open('orders', `, diff, updated, mvcc_timestamp, resolved, avro_schema_prefix = 'shop'`)
  await feed.row(1)
  await server.sql(`ALTER TABLE orders ADD COLUMN b INT`)
  await server.sql(`UPDATE orders SET b = 2`)
  await feed.row(2)
  await server.sql(`ALTER TABLE orders DROP COLUMN a`)
  await server.sql(`UPDATE orders SET b = 3`)
  await feed.row(4)
  const values = valuesOf(feed)
  const decoder = new AvroDecoder(registry.url)
  const texts = await Promise.all(values.map(async (bytes) => (await decoder.decode(bytes)).text))
  assert.match(
    texts[1] ?? '',
    /^\{"before":\{"shop\.orders_before":\{"id":\{"long":1\},"a":\{"string":"a1"\},"b":null\}\},"after":\{"shop\.orders":/,
  )
  const schemas = [await schemaOf(values[0]), await schemaOf(values[3])]
  for (const { name, decode } of avroReaders((text) => t.diagnostic(text))) {
    const written = values.map((bytes) => ({ bytes }))
    assert.deepEqual(await decode(registry.url, written), texts, name)
    for (const reader of schemas)
      for (const text of await decode(
        registry.url,
        values.map((bytes) => ({ bytes, reader })),
      ))
        assert.match(text, /^\{"before":.*"after":\{"shop\.orders":\{"id":\{"long":1\}/, name)
  }
})

test('another primary key, and another name of the table, are compatible under FULL', { skip }, async () => {
  await setCompatibility('keys', 'FULL')
  await server.sql('CREATE TABLE keys (id INT PRIMARY KEY, code TEXT NOT NULL)')
  await server.sql("INSERT INTO keys VALUES (1, 'one')")
  await using feed = await open('keys')
  await feed.row(1)
  await server.sql('ALTER TABLE keys DROP CONSTRAINT keys_pkey, ADD PRIMARY KEY (code)')
  await server.sql("INSERT INTO keys VALUES (2, 'two')")
  await server.sql('ALTER TABLE keys RENAME TO other_keys')
  await server.sql("INSERT INTO other_keys VALUES (3, 'three')")
  await feed.row(3)
  assert.deepEqual(feed.texts, [
    'keys: [1]->{"after": {"code": "one", "id": 1}}',
    'keys: ["two"]->{"after": {"code": "two", "id": 2}}',
    'keys: ["three"]->{"after": {"code": "three", "id": 3}}',
  ])
})

/** The schema of resolved messages is the latest of its subject, and only rules that are transitive look at those before it. */
const refusing = [
  ['BACKWARD', ''],
  ['FORWARD', ''],
  ['FULL', ''],
  ['FULL_TRANSITIVE', ', resolved'],
] as const

for (const [level, options] of refusing)
  test(
    `another type is refused under ${level}: the job says so, and goes on when the subject takes it`,
    { skip },
    async () => {
      const table = `retyped_${level.toLowerCase()}`
      await setCompatibility(table, level)
      await server.sql(`CREATE TABLE ${table} (id INT PRIMARY KEY, b INT)`)
      await server.sql(`INSERT INTO ${table} VALUES (1, 1)`)
      await using feed = await open(table, options)
      await feed.row(1)
      if (options !== '') await feed.resolvedPast(zeroHlc)
      await server.sql(`ALTER TABLE ${table} ALTER COLUMN b TYPE TEXT`)
      await server.sql(`INSERT INTO ${table} VALUES (2, 'two')`)
      const refused = await feed.job.until('the job says what is refused', ({ running_status: text }) =>
        /refuses the schema/.test(text ?? ''),
      )
      assert.equal(refused.status, 'running')
      const said = refused.running_status ?? ''
      assert.match(said, new RegExp(`refuses the schema of subject "${table}-value": 409 .*[Ii]ncompatible`))
      assert.match(said, new RegExp(`PUT \\{"compatibility": "NONE"\\} to ${registry.url}/config/${table}-value`))
      await registry.setCompatibility(`${table}-value`, 'NONE')
      await feed.row(3)
      assert.deepEqual(feed.texts.slice(1), [
        `${table}: [1]->{"after": {"b": "1", "id": 1}}`,
        `${table}: [2]->{"after": {"b": "two", "id": 2}}`,
      ])
      await feed.job.until('the job says that it runs', ({ running_status: text }) => !/refuses/.test(text ?? ''))
    },
  )

test('a key of another type is refused, too', { skip }, async () => {
  await setCompatibility('keyed', 'FULL')
  await server.sql('CREATE TABLE keyed (id INT PRIMARY KEY); INSERT INTO keyed VALUES (1)')
  await using feed = await open('keyed')
  await feed.row(1)
  await server.sql('ALTER TABLE keyed ALTER COLUMN id TYPE TEXT')
  const said = await feed.job.until('the job says what is refused', (row) => /refuses/.test(row.running_status ?? ''))
  assert.match(said.running_status ?? '', /refuses the schema of subject "keyed-(?:key|value)"/)
  await setCompatibility('keyed', 'NONE')
  await feed.row(2)
  assert.deepEqual(feed.texts, ['keyed: [1]->{"after": {"id": 1}}', 'keyed: ["1"]->{"after": {"id": "1"}}'])
})

test('values of an enum are added without a new schema', { skip }, async () => {
  await setCompatibility('moods', 'FULL')
  await server.sql(`CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE moods (id INT PRIMARY KEY, m mood)`)
  await server.sql(`INSERT INTO moods VALUES (1, 'sad')`)
  await using feed = await open('moods')
  await feed.row(1)
  await server.sql(`ALTER TYPE mood ADD VALUE 'happy'`)
  await server.sql(`INSERT INTO moods VALUES (2, 'happy')`)
  await feed.row(2)
  assert.equal(feed.texts[1], 'moods: [2]->{"after": {"id": 2, "m": "happy"}}')
  assert.equal((await registry.versions('moods-value')).length, 1)
})

test('a change that the registry refuses can be undone', { skip }, async () => {
  await setCompatibility('undone', 'FULL')
  await server.sql('CREATE TABLE undone (id INT PRIMARY KEY, b INT)')
  await server.sql('INSERT INTO undone VALUES (1, 1)')
  await using feed = await open('undone')
  await feed.row(1)
  await server.sql('ALTER TABLE undone ALTER COLUMN b TYPE TEXT')
  await feed.job.until('the job says what is refused', ({ running_status: text }) => /refuses/.test(text ?? ''))
  await server.sql('ALTER TABLE undone ALTER COLUMN b TYPE INT USING b::INT')
  await server.sql('INSERT INTO undone VALUES (2, 2)')
  await feed.row(3)
  assert.deepEqual(feed.texts.slice(1), [
    'undone: [1]->{"after": {"b": 1, "id": 1}}',
    'undone: [2]->{"after": {"b": 2, "id": 2}}',
  ])
})

test('rows that were written with a refused type wait until the subject takes it', { skip }, async () => {
  await setCompatibility('written', 'FULL')
  await server.sql('CREATE TABLE written (id INT PRIMARY KEY, b INT); INSERT INTO written VALUES (0, 0)')
  await using feed = await open('written')
  await feed.row(1)
  await server.sql('ALTER TABLE written ALTER COLUMN b TYPE TEXT')
  await server.sql("INSERT INTO written VALUES (1, '1')")
  await server.sql('ALTER TABLE written ALTER COLUMN b TYPE INT USING b::INT')
  await server.sql('INSERT INTO written VALUES (2, 2)')
  await feed.job.until('the job says what is refused', ({ running_status: text }) => /refuses/.test(text ?? ''))
  assert.equal(feed.rows.length, 1)
  await registry.setCompatibility('written-value', 'NONE')
  await until('the last row', 30_000, () => feed.texts.find((text) => text.startsWith('written: [2]')))
  assert.ok(feed.texts.includes('written: [1]->{"after": {"b": "1", "id": 1}}'), feed.texts.join('\n'))
})
