// Values of every type in Avro, read by decoders that are not ours: each reads what avsc reads, with the schemas that a real
// registry has taken.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { AvroDecoder } from '../services/registry/avro-decoder.ts'
import { javaReader } from '../services/registry/readers/java-reader.ts'
import { avroReaders } from '../services/registry/readers/readers.ts'
import { skipWithoutRegistry as skip } from '../services/registry/require-registry.ts'
import { SchemaRegistryServer } from '../services/registry/schema-registry.ts'
import { endTogether, startTogether } from '../support/services.ts'

let server: TestServer
let registry: SchemaRegistryServer

before(async () => {
  if (skip !== false) return
  ;[server, registry] = await startTogether(TestServer.start(), SchemaRegistryServer.start())
})
after(() => endTogether(server, registry))

/** Each column with values of its type. A row beside them has NULL in all of them. */
const columns: readonly (readonly [type: string, ...values: string[]])[] = [
  ['boolean', 'true', 'false'],
  ['int2', '-32768', '0'],
  ['int8', '9223372036854775807', '-9223372036854775808'],
  ['float4', '1.5', '-0.25'],
  ['float8', '0.1', '-1.7976931348623157e308'],
  ['numeric(10,2)', '12345678.90', '-0.01'],
  ['numeric(38,9)', '-12345678901234567890123456789.123456789', '0'],
  ['numeric(3,-2)', '-12345', '100'],
  ['numeric(2,5)', '0.00012', '0'],
  ['numeric(4,1)', `'NaN'`, '1.2'],
  ['text', `E'a "b" \\\\ \\n\\x01 <é&😀>/'`, `''`],
  ['varchar(5)', `'abc'`, `''`],
  ['char(5)', `'abc'`, `'x'`],
  ['bytea', `'\\x00ff10'`, `''`],
  ['date', `'2024-02-29'`, `'1969-12-31'`],
  ['time', `'23:59:59.999999'`, `'00:00'`],
  ['timetz', `'04:05:06.789-08'`, `'00:00+00'`],
  ['timestamp', `'2024-02-29 23:59:59.999999'`, `'1969-12-31 23:59:59.5'`],
  ['timestamptz', `'2024-02-29 23:59:59.999999+02'`, `'1900-01-01 00:00+00'`],
  ['interval', `'1 year 2 mons -3 days +04:05:06.789'`, `'0'`],
  ['uuid', `'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'`, `'00000000-0000-0000-0000-000000000000'`],
  ['jsonb', `'{"b": [1, null, "x"], "a": 1.50}'`, `'null'`],
  ['inet', `'192.168.0.1/24'`, `'::1'`],
  ['bit(3)', `B'010'`, `B'111'`],
  ['varbit', `repeat('10', 100)::varbit`, `B''`],
  ['mood', `'sad'`, `'it "is" fine'`],
  ['int4range', `'[1,5)'`, `'empty'`],
  ['tsvector', `'fat:2 cat:3'`, `''`],
  ['int8[]', `'{1,NULL,-9223372036854775808}'`, `'{}'`],
  ['text[]', `'{a,NULL,"b c",""}'`, `'{}'`],
  ['numeric(4,1)[]', `'{1.2,NaN,NULL}'`, `'{}'`],
  ['timestamptz[]', `'{2024-02-29 23:59:59.999999+02,NULL}'`, `'{}'`],
]

test('every decoder reads the same of every type, in values and in keys', { skip }, async (t) => {
  await server.sql(`CREATE TYPE mood AS ENUM ('sad', 'it "is" fine');
    CREATE TABLE every_type (id INT PRIMARY KEY, ${columns.map(([type], i) => `c${i} ${type}`).join(', ')})`)
  for (const row of [1, 2])
    await server.sql(`INSERT INTO every_type VALUES (${row}, ${columns.map((column) => column[row]).join(', ')})`)
  await server.sql('INSERT INTO every_type VALUES (3)')
  await server.sql(`CREATE TABLE "Ünusual name" ("ä b" TEXT, "1st" numeric(6,3), at timestamptz, "👍" uuid,
    PRIMARY KEY ("ä b", "1st", at, "👍")); INSERT INTO "Ünusual name" VALUES ('x', 1.25, '2024-01-01', gen_random_uuid())`)

  const feed = `CREATE CHANGEFEED FOR every_type, "Ünusual name" WITH format = avro, confluent_schema_registry = '${registry.url}', initial_scan = 'only'`
  const rows = (await server.sql(feed)) as unknown as readonly { key: Buffer; value: Buffer }[]
  assert.equal(rows.length, 4)
  const messages = rows.flatMap(({ key, value }) => [key, value])
  const decoder = new AvroDecoder(registry.url)
  const wanted = await Promise.all(messages.map(async (bytes) => normal((await decoder.decode(bytes)).text)))
  for (const { name, decode } of avroReaders((text) => t.diagnostic(text))) {
    const read = await decode(
      registry.url,
      messages.map((bytes) => ({ bytes })),
    )
    assert.equal(read.length, messages.length)
    for (const [i, text] of read.entries()) assert.deepEqual(normal(text), wanted[i], `${name}: ${text}`)
  }
})

test('numbers that JSON does not have are read by Java as by avsc', { skip }, async () => {
  await server.sql('CREATE TABLE floats (id INT PRIMARY KEY, a float8, b float4, c float8)')
  await server.sql(`INSERT INTO floats VALUES (1, 'NaN', 'Infinity', '-Infinity')`)
  const feed = `CREATE CHANGEFEED FOR floats WITH format = avro, confluent_schema_registry = '${registry.url}', initial_scan = 'only'`
  const [row] = (await server.sql(feed)) as unknown as readonly { value: Buffer }[]
  const bytes = row?.value ?? assert.fail('there is no row')
  const text =
    '{"after":{"floats":{"id":{"long":1},"a":{"double":"NaN"},"b":{"double":"Infinity"},"c":{"double":"-Infinity"}}}}'
  assert.equal((await new AvroDecoder(registry.url).decode(bytes)).text, text)
  assert.deepEqual(await javaReader.decode(registry.url, [{ bytes }]), [text])
})

/** The digits of a long that a number does not hold stay, and 1.0 is 1. */
function normal(text: string): unknown {
  assert.doesNotMatch(text, /^error/)
  return JSON.parse(text, ((_name: string, value: unknown, { source = '' }: { readonly source?: string }) =>
    typeof value === 'number' && /^-?\d+$/.test(source) ? BigInt(source) : Object.is(value, -0) ? 0 : value) as (
    name: string,
    value: unknown,
  ) => unknown)
}
