// Every type as a real server prints it, by COPY and by pgoutput, under the settings of a source connection.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TestServer, type TestDatabase } from '../../../test/support/source-under-test.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { RowView } from '../../core/row-view.ts'
import type { TableDescription, TypeShape } from '../../core/table.ts'
import { shapeOfType } from '../../decode/built-in-types.ts'
import { readCopyLine } from '../../decode/copy-text.ts'
import { fillUnchanged } from '../../decode/fill-unchanged.ts'
import { readDelete } from '../../decode/pgoutput/delete.ts'
import { readInsert } from '../../decode/pgoutput/insert.ts'
import { readTruncate } from '../../decode/pgoutput/truncate.ts'
import { readUpdate } from '../../decode/pgoutput/update.ts'
import { relationOfDescription, SchemaHistory } from '../../decode/schema-history.ts'
import { install } from '../../ingest/install-sql.ts'
import type { RawConnection } from '../../postgres/raw-connection.ts'
import { RowWriter } from './row-writer.ts'
import { valueWriter } from './value-writer.ts'

const setUp = `
CREATE TYPE mood AS ENUM ('sad', 'it "is" fine');
CREATE TYPE pair AS (b text, a int4);
CREATE TYPE nested AS (pairs pair[], one pair, at timestamptz);
CREATE DOMAIN small AS int4 CHECK (VALUE < 100);
CREATE DOMAIN smalls AS small[];
CREATE DOMAIN moods AS mood;
CREATE TYPE textrange AS RANGE (subtype = text);
`

type Case = readonly [type: string, sql: string, json: string]

const cases: readonly Case[] = [
  ['int2', '-32768', '-32768'],
  ['int4', '2147483647', '2147483647'],
  ['int8', '9223372036854775807', '9223372036854775807'],
  ['float4', '1.5', '1.5'],
  ['float4', '16777216', '16777216'],
  ['float8', '0', '0'],
  ['float8', `'-0'`, '-0'],
  ['float8', '10', '1E+1'],
  ['float8', '100000', '1E+5'],
  ['float8', '15.75', '15.75'],
  ['float8', '0.1::float8 + 0.2', '0.30000000000000004'],
  ['float8', '123456789012345678', '1.2345678901234568E+17'],
  ['float8', '1e20', '1E+20'],
  ['float8', '0.00001', '0.00001'],
  ['float8', '0.0000001', '1E-7'],
  ['float8', '1.7976931348623157e308', '1.7976931348623157E+308'],
  ['float8', `'NaN'`, '"NaN"'],
  ['float8', `'Infinity'`, '"Infinity"'],
  ['float8', `'-Infinity'`, '"-Infinity"'],
  ['numeric', '1.20', '1.20'],
  ['numeric(10,3)', '2.5', '2.500'],
  ['numeric', '100000', '100000'],
  ['numeric', '1e-7', '1E-7'],
  ['numeric', '0.00', '0.00'],
  ['numeric', `'NaN'`, '"NaN"'],
  ['numeric', `'Infinity'`, '"Infinity"'],
  ['bool', 'true', 'true'],
  ['bool', 'false', 'false'],
  [
    'text',
    `E'a "b" \\\\ \\n\\r\\t\\b\\f\\v\\x01 <é&😀>/'`,
    '"a \\"b\\" \\\\ \\n\\r\\t\\u0008\\u000c\\u000b\\u0001 <é&😀>/"',
  ],
  ['text', `''`, '""'],
  ['text', `E'\\\\N'`, '"\\\\N"'],
  ['varchar(3)', `'abc'`, '"abc"'],
  ['char(4)', `'ab'`, '"ab  "'],
  ['name', `'n'`, '"n"'],
  ['text COLLATE "C"', `'x'`, '"x"'],
  ['bytea', `'foo'`, '"\\\\x666f6f"'],
  ['bytea', `''`, '"\\\\x"'],
  ['date', `'2018-01-02'`, '"2018-01-02"'],
  ['date', `'infinity'`, '"infinity"'],
  ['date', `'-infinity'`, '"-infinity"'],
  ['time', `'03:04:05.123456'`, '"03:04:05.123456"'],
  ['time', `'03:04:05.100'`, '"03:04:05.1"'],
  ['timetz', `'03:04:05.123456-07:30'`, '"03:04:05.123456-07:30"'],
  ['timestamp', `'2006-01-02 15:04:05.999999'`, '"2006-01-02T15:04:05.999999"'],
  ['timestamp', `'2019-01-02 03:04:05'`, '"2019-01-02T03:04:05"'],
  ['timestamp', `'2019-01-02 03:04:05.500'`, '"2019-01-02T03:04:05.5"'],
  ['timestamptz', `'2006-01-02 17:04:05.999999+02'`, '"2006-01-02T15:04:05.999999Z"'],
  ['timestamptz', `'2025-05-09 21:20:29+00'`, '"2025-05-09T21:20:29Z"'],
  ['timestamptz', `'infinity'`, '"infinity"'],
  ['timestamptz', `'0044-03-15 12:00:00+00 BC'`, '"0044-03-15T12:00:00Z BC"'],
  ['timestamptz', `'20000-01-01 00:00:00+00'`, '"20000-01-01T00:00:00Z"'],
  ['interval', `'1 year 2 mons 3 days 04:05:06'`, '"1 year 2 mons 3 days 04:05:06"'],
  ['interval', `'-6 ms'`, '"-00:00:00.006"'],
  ['uuid', `'27f4f4c9-e35a-45dd-9b79-5ff0f9b5fbb0'`, '"27f4f4c9-e35a-45dd-9b79-5ff0f9b5fbb0"'],
  ['inet', `'190.0.0.0/24'`, '"190.0.0.0/24"'],
  ['cidr', `'::/0'`, '"::/0"'],
  ['jsonb', `'{"color": "red"}'`, '{"color": "red"}'],
  ['jsonb', `'{"bb": 1.50, "a": [1e3, null, {"z": true, "yy": "\\n\\"é\\u0001"}], "a": {}}'`, '{"a": {}, "bb": 1.50}'],
  [
    'jsonb',
    `'{"bb": 1.50, "c": [1e3, null, {"z": true, "yy": "\\n\\"é\\u0001"}]}'`,
    '{"bb": 1.50, "c": [1000, null, {"yy": "\\n\\"é\\u0001", "z": true}]}',
  ],
  ['jsonb', `'null'`, 'null'],
  ['json', `' {"b":1,"a" : [1e3,0.0000001]}'`, '{"a": [1E+3, 1E-7], "b": 1}'],
  ['mood', `'it "is" fine'`, '"it \\"is\\" fine"'],
  ['moods', `'sad'`, '"sad"'],
  ['small', '7', '7'],
  ['smalls', 'ARRAY[7,NULL]', '[7, null]'],
  ['int4[]', `'{1,NULL,3}'`, '[1, null, 3]'],
  ['int4[]', `'[0:2]={1,2,3}'`, '[1, 2, 3]'],
  ['int4[]', `'{}'`, '[]'],
  ['int4[]', `'{{1,2},{3,4}}'`, '[[1, 2], [3, 4]]'],
  [
    'text[]',
    `ARRAY['a', 'b "c"', NULL, 'NULL', '', 'back\\slash', '{x}', 'a,b']`,
    '["a", "b \\"c\\"", null, "NULL", "", "back\\\\slash", "{x}", "a,b"]',
  ],
  ['bool[]', 'ARRAY[true, true, false, null]', '[true, true, false, null]'],
  ['bytea[]', `ARRAY['foo'::bytea]`, '["\\\\x666f6f"]'],
  ['timestamptz[]', `ARRAY['2019-01-02 03:04:05+00'::timestamptz]`, '["2019-01-02T03:04:05Z"]'],
  ['jsonb[]', `ARRAY['{"bb": 1, "c": "\\"", "a": 2}'::jsonb]`, '[{"a": 2, "bb": 1, "c": "\\""}]'],
  ['float8[]', `'{100,NaN}'`, '[1E+2, "NaN"]'],
  ['mood[]', `'{sad,"it \\"is\\" fine"}'`, '["sad", "it \\"is\\" fine"]'],
  ['pair[]', `ARRAY[ROW('x y', 1)::pair, NULL]`, '[{"a": 1, "b": "x y"}, null]'],
  ['box[]', `ARRAY[box '(1,1),(0,0)', box '(2,2),(1,1)']`, '["(1,1),(0,0)", "(2,2),(1,1)"]'],
  ['int4range[]', `'{"[1,3)"}'`, '["[1,3)"]'],
  ['int4range', `'[1,5]'`, '"[1,6)"'],
  ['textrange', `textrange('a"b', 'c\\d')`, '"[\\"a\\"\\"b\\",\\"c\\\\\\\\d\\")"'],
  ['int4multirange', `'{[1,3),[5,7)}'`, '"{[1,3),[5,7)}"'],
  ['pair', `ROW('a "q" \\ , (b)', NULL)`, '{"a": null, "b": "a \\"q\\" \\\\ , (b)"}'],
  [
    'nested',
    `ROW(ARRAY[ROW('x "y"', 1)::pair, ROW(NULL, NULL)::pair], ROW('', 2)::pair, '2019-01-02 03:04:05+00')`,
    '{"at": "2019-01-02T03:04:05Z", "one": {"a": 2, "b": ""}, "pairs": [{"a": 1, "b": "x \\"y\\""}, {"a": null, "b": null}]}',
  ],
  ['bit(3)', `B'010'`, '"010"'],
  ['varbit', `B'0101'`, '"0101"'],
  ['oid', '26', '"26"'],
  ['pg_lsn', `'A/0'`, '"A/0"'],
  ['tsvector', `'a:1 b:2'`, `"'a':1 'b':2"`],
  ['tsquery', `'a & b'`, `"'a' & 'b'"`],
  ['xml', `'<a>"x"</a>'`, '"<a>\\"x\\"</a>"'],
  ['macaddr', `'08:00:2b:01:02:03'`, '"08:00:2b:01:02:03"'],
  ['point', `'(1,2)'`, '"(1,2)"'],
  ['int2vector', `'1 2'`, '"1 2"'],
  ['"char"', `'c'`, '"c"'],
  ['regclass', `'every_type'`, '"public.every_type"'],
  ['int8', 'NULL', 'null'],
  ['jsonb', 'NULL', 'null'],
  ['pair', 'NULL', 'null'],
]

/** `c000` and so on: sorted as the table has them. */
const columnName = (i: number): string => `c${String(i).padStart(3, '0')}`

const expected = `{${cases.map(([, , json], i) => `"${columnName(i)}": ${json}`).join(', ')}, "id": 1}`

let server: TestServer
let database: TestDatabase
let connection: RawConnection

before(async () => {
  server = await TestServer.start()
  database = await server.database(true)
  connection = await database.connect()
  await install(connection)
  await connection.query(setUp)
  // The settings of a source connection have no search path.
  await connection.query('SET search_path = public')
  const columns = cases.map(([type], i) => `${columnName(i)} ${type}`)
  await connection.query(`CREATE TABLE every_type (id int8 PRIMARY KEY, ${columns.join(', ')})`)
})

after(async () => {
  await connection?.close()
  await server?.[Symbol.asyncDispose]()
})

async function describe(table: string): Promise<TableDescription> {
  const [row] = await connection.query(`SELECT changefeed.describe('public.${table}'::regclass)`)
  return JSON.parse(row?.[0] as string) as TableDescription
}

const insertEveryType = `INSERT INTO every_type VALUES (1, ${cases.map(([, sql]) => sql).join(', ')})`

function printed(relation: RelationSchema, row: RowView): string {
  const out = new ByteWriter(16)
  new RowWriter(relation, { encodeJsonNullAsObject: false, extra: undefined }).row(row, out)
  return out.view().toString()
}

/** Column by column, so that a difference names its type. */
function assertEveryType(json: string): void {
  const columns = json.split(/(?:^\{|, )(?="(?:c\d{3}|id)": )/).slice(1)
  for (const [i, [type, sql, value]] of cases.entries()) {
    assert.equal(columns[i], `"${columnName(i)}": ${value}`, `${type} ${sql}`)
  }
  assert.equal(json, expected)
}

/** Rows as COPY sends them. */
async function copied(relation: RelationSchema, table: string): Promise<string[]> {
  const lines: string[] = []
  const list = relation.columns.map(({ name }) => `"${name}"`).join(', ')
  await connection.query(`SET search_path = ''`)
  await connection.copyOut(`COPY (SELECT ${list} FROM ONLY public.${table} ORDER BY 1) TO STDOUT`, {
    data(bytes, start, end) {
      const row = new RowView()
      readCopyLine(bytes, start, end, relation, row)
      lines.push(printed(relation, row))
    },
  })
  await connection.query('SET search_path = public')
  return lines
}

/** What the slot holds of a publication, message by message. */
async function decoded(publication: string, sql: string): Promise<Buffer[]> {
  await connection.query(`SELECT pg_create_logical_replication_slot('${publication}', 'pgoutput', true)`)
  await connection.query(sql)
  await connection.query(`SET search_path = ''`)
  const rows = await connection.query(
    `SELECT encode(data, 'hex') FROM pg_logical_slot_get_binary_changes('${publication}', NULL, NULL, 'proto_version', '1', 'publication_names', '${publication}')`,
  )
  await connection.query('SET search_path = public')
  await connection.query(`SELECT pg_drop_replication_slot('${publication}')`)
  return rows.map(([hex]) => Buffer.from(hex as string, 'hex'))
}

test('a row with a column of every type prints as specified, from COPY and from the stream', async () => {
  await connection.query('CREATE PUBLICATION every_type FOR TABLE public.every_type')
  const messages = await decoded('every_type', insertEveryType)
  const description = await describe('every_type')
  const [fromCopy] = await copied(relationOfDescription(description), 'every_type')
  assertEveryType(fromCopy as string)

  const history = new SchemaHistory()
  const schema = Buffer.from(`S${JSON.stringify(description)}`)
  history.apply(schema, 0, schema.length)
  const fromStream: string[] = []
  for (const bytes of messages) {
    if (bytes[0] === 0x52) history.apply(bytes, 0, bytes.length)
    if (bytes[0] !== 0x49) continue
    const relation = history.relation(bytes.readUInt32BE(1)) as RelationSchema
    const row = new RowView()
    readInsert(bytes, 0, bytes.length, relation, row)
    fromStream.push(printed(relation, row))
  }
  assert.deepEqual(fromStream, [expected])
})

test('updates, deletes and truncates are read as the server sends them, by each replica identity', async () => {
  await connection.query(
    `CREATE TABLE changing (note text, id int8 PRIMARY KEY, big text STORAGE EXTERNAL);
     CREATE PUBLICATION changing FOR TABLE changing;
     INSERT INTO changing VALUES ('a', 1, repeat('x', 5000)), ('b', 2, 'short'), ('c', 3, NULL)`,
  )
  const messages = await decoded(
    'changing',
    `UPDATE changing SET note = 'aa' WHERE id = 1;
     UPDATE changing SET id = 20 WHERE id = 2;
     DELETE FROM changing WHERE id = 3;
     ALTER TABLE changing REPLICA IDENTITY FULL;
     UPDATE changing SET note = NULL WHERE id = 1;
     DELETE FROM changing WHERE id = 20;
     TRUNCATE changing`,
  )
  const description = await describe('changing')
  const relid = description.relid
  const history = new SchemaHistory()
  const schema = Buffer.from(`S${JSON.stringify(description)}`)
  history.apply(schema, 0, schema.length)
  const seen: unknown[] = []
  const show = (relation: RelationSchema, row: RowView): unknown[] =>
    relation.columns.map((_, i) => {
      const text = row.bytes.toString('utf8', row.starts[i], row.ends[i])
      return row.kinds[i] === 0x6e ? null : row.kinds[i] === 0x75 ? undefined : text.length > 1000 ? text.length : text
    })
  for (const bytes of messages) {
    const end = bytes.length
    const row = new RowView()
    const old = new RowView()
    const relation = history.relation(relid) as RelationSchema
    switch (String.fromCharCode(bytes[0] as number)) {
      case 'R':
        history.apply(bytes, 0, end)
        break
      case 'U': {
        const oldKind = readUpdate(bytes, 0, end, relation, old, row)
        if (oldKind === 'full') assert.equal(fillUnchanged(row, old), true)
        seen.push(['update', oldKind, oldKind === 'none' ? [] : show(relation, old), show(relation, row)])
        break
      }
      case 'D':
        seen.push(['delete', readDelete(bytes, 0, end, relation, old), show(relation, old)])
        break
      case 'T':
        seen.push(['truncate', readTruncate(bytes, 0, end)])
    }
    assert.deepEqual(history.relation(relid)?.keyIndexes, [1])
  }
  assert.deepEqual(seen, [
    ['update', 'none', [], ['aa', '1', undefined]],
    ['update', 'key', [null, '2', null], ['b', '20', 'short']],
    ['delete', 'key', [null, '3', null]],
    ['update', 'full', ['aa', '1', 5000], [null, '1', 5000]],
    ['delete', 'full', ['b', '20', 'short']],
    ['truncate', [relid]],
  ])
})

test("each of PostgreSQL's own types prints the same with and without a description", async () => {
  const types = await connection.query(
    `SELECT t.oid, changefeed.type_shape(t.oid), t.typname FROM pg_type t
     WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND t.oid < 16384
       AND (typelem = 0 OR NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND typtype IN ('c', 'p')))`,
  )
  assert.ok(types.length > 150)
  // An array's writer is made anew, so shapes stand for it, with the writer of what is in it.
  const rule = (shape: TypeShape): unknown =>
    shape.tag === 'array' ? [shape.delimiter, rule(shape.element)] : valueWriter(shape)
  for (const [oid, shape, name] of types) {
    assert.deepEqual(rule(shapeOfType(Number(oid))), rule(JSON.parse(shape as string) as TypeShape), name ?? '')
  }
})
