import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AvroUnderTest, avroColumn, rowOf } from '../../../test/support/avro-under-test.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { RelationSchema } from '../../core/relation.ts'
import type { ColumnDescription } from '../../core/table.ts'
import { relationOfDescription } from '../../decode/schema-history.ts'

const a = avroColumn('a', 1, 'int8', { typeName: 'bigint', notNull: true })
const b = avroColumn('b', 2, 'text')

function table(columns: readonly ColumnDescription[] = [a, b], primaryKey: readonly string[] = ['a']): RelationSchema {
  return relationOfDescription({
    relid: 1,
    database: 'd',
    schema: 'public',
    name: 'now named otherwise',
    columns,
    primaryKey,
    identity: 'f',
  })
}

const foo = [{ relid: 1, topic: 'foo', tableName: 'foo' }]
const bar = [{ relid: 1, topic: 'bar', tableName: 'bar' }]

test('the first messages of a core changefeed are those of the walkthrough, byte by byte', () => {
  const avro = new AvroUnderTest({ targets: bar })
  const relation = table([a])
  const zero = avro.write({ relation, after: ['0'] })
  const one = avro.write({ relation, after: ['1'] })
  const resolved = avro.resolved({ wall: 1_590_612_821_682_559_000n, logical: 0 })
  assert.deepEqual(
    [zero.key, zero.value, one.key, one.value, resolved].map((bytes) => bytes?.toString('latin1')),
    [
      '\0\0\0\0\x01\x02\0',
      '\0\0\0\0\x02\x02\x02\0',
      '\0\0\0\0\x01\x02\x02',
      '\0\0\0\0\x02\x02\x02\x02',
      '\0\0\0\0\x03\x02<1590612821682559000.0000000000',
    ],
  )
})

test('a table named like a primitive type of Avro has messages that can be read', () => {
  const avro = new AvroUnderTest({ targets: [{ relid: 1, topic: 'int', tableName: 'int' }], diff: true })
  assert.equal(
    avro.line({ relation: table([a]), after: ['1'] }),
    '{"a":{"long":1}}->{"before":null,"after":{"_u0069_nt":{"a":{"long":1}}}}',
  )
  assert.deepEqual(avro.registry.subjects, ['int-key', 'int-value'])
})

test('the schemas have the members of CockroachDB in its order, and their registrations the order key, value, resolved', () => {
  const avro = new AvroUnderTest({ targets: bar })
  avro.write({ relation: table([a]), after: ['0'] })
  avro.resolved({ wall: 1n, logical: 0 })
  const column =
    '{"type":["null","long"],"name":"a","default":null,"__crdb__":"a INT8 NOT NULL","doc":"a bigint NOT NULL"}'
  const record = `{"type":"record","name":"bar","fields":[${column}]}`
  assert.deepEqual(avro.registry.registered, [
    { subject: 'bar-key', schema: record },
    {
      subject: 'bar-value',
      schema: `{"type":"record","name":"bar_envelope","fields":[{"type":["null",${record}],"name":"after","default":null}]}`,
    },
    {
      subject: 'bar-value',
      schema: `{"type":"record","name":"bar_envelope","fields":[{"type":["null","string"],"name":"resolved","default":null}]}`,
    },
  ])
})

test('with all options the envelope has before, after, updated and mvcc_timestamp, and the prefix is namespace and part of names', () => {
  const avro = new AvroUnderTest({
    targets: [{ relid: 1, topic: 'pre_d.public.foo!', name: 'd.public.foo!', tableName: 'foo!' }],
    updated: true,
    mvccTimestamp: true,
    diff: true,
    avroSchemaPrefix: 'p',
  })
  assert.equal(
    avro.line({ relation: table(), after: ['1', 'x'], before: ['1', null] }),
    '{"a":{"long":1}}->{"before":{"p.foo_u0021__before":{"a":{"long":1},"b":null}},"after":{"p.foo_u0021_":{"a":{"long":1},"b":{"string":"x"}}},' +
      '"updated":{"string":"1.0000000002"},"mvcc_timestamp":{"string":"1.0000000002"}}',
  )
  avro.resolved({ wall: 1n, logical: 0 })
  assert.deepEqual(avro.registry.subjects, [
    'pd.public.foo_u0021_-key',
    'pd.public.foo_u0021_-value',
    'pd.public.foo_u0021_-value',
  ])
  const schemas = avro.registry.registered.map(
    ({ schema }) => JSON.parse(schema) as { name: string; namespace: string },
  )
  assert.deepEqual(
    schemas.map(({ name, namespace }) => [name, namespace]),
    [
      ['pd_u002e_public_u002e_foo_u0021_', 'p'],
      ['pd_u002e_public_u002e_foo_u0021__envelope', 'p'],
      ['pd_u002e_public_u002e_foo_u0021__envelope', 'p'],
    ],
  )
})

/** The lines of CockroachDB's test of encoders: an insert, a delete and a resolved message. */
function lines(avro: AvroUnderTest): unknown[] {
  const relation = table()
  const insert = avro.line({ relation, after: ['1', 'bar'] })
  const remove = avro.line({ relation, before: ['1', 'bar'] })
  return [insert, remove, avro.registry.decode(avro.resolved({ wall: 1n, logical: 2 })).text]
}

test('envelope=key_only has no value, and registers no schema of one', () => {
  const avro = new AvroUnderTest({ targets: foo, envelope: 'key_only' })
  assert.deepEqual(lines(avro), ['{"a":{"long":1}}->', '{"a":{"long":1}}->', '{"resolved":{"string":"1.0000000002"}}'])
  assert.deepEqual(avro.registry.subjects, ['foo-key', 'foo-value'])
})

test('with envelope=key_only only the types of the key must have a place in Avro', () => {
  const avro = new AvroUnderTest({ targets: foo, envelope: 'key_only' })
  assert.equal(
    avro.line({ relation: table([a, avroColumn('b', 2, 'numeric')]), after: ['1', '1'] }),
    '{"a":{"long":1}}->',
  )
})

test('a deleted row is null behind `after`, and its previous values have a record of their own', () => {
  assert.deepEqual(lines(new AvroUnderTest({ targets: foo })), [
    '{"a":{"long":1}}->{"after":{"foo":{"a":{"long":1},"b":{"string":"bar"}}}}',
    '{"a":{"long":1}}->{"after":null}',
    '{"resolved":{"string":"1.0000000002"}}',
  ])
  assert.deepEqual(lines(new AvroUnderTest({ targets: foo, diff: true, updated: true })), [
    '{"a":{"long":1}}->{"before":null,"after":{"foo":{"a":{"long":1},"b":{"string":"bar"}}},"updated":{"string":"1.0000000002"}}',
    '{"a":{"long":1}}->{"before":{"foo_before":{"a":{"long":1},"b":{"string":"bar"}}},"after":null,"updated":{"string":"1.0000000002"}}',
    '{"resolved":{"string":"1.0000000002"}}',
  ])
})

test('the key has the order of the primary key, also of a deleted row of which only the key was logged', () => {
  const avro = new AvroUnderTest({ targets: foo })
  const relation = table([a, b, avroColumn('c', 3, 'bool')], ['c', 'a'])
  assert.equal(avro.line({ relation, key: ['1', null, 't'] }), '{"c":{"boolean":true},"a":{"long":1}}->{"after":null}')
})

test('a previous row with other columns has its values by the numbers of columns, and null where there is none', () => {
  const avro = new AvroUnderTest({ targets: foo, diff: true })
  const relation = table([
    a,
    { ...b, name: 'renamed' },
    avroColumn('added', 4, 'text'),
    avroColumn('wider', 5, 'int8'),
    avroColumn('other', 6, 'int8'),
    avroColumn('printed', 7, 'text'),
  ])
  const earlier = table([
    a,
    b,
    avroColumn('dropped', 3, 'text'),
    avroColumn('wider', 5, 'int4'),
    avroColumn('other', 6, 'text'),
    avroColumn('printed', 7, 'int4'),
  ])
  assert.equal(
    avro.line({
      relation,
      after: ['1', 'x', 'y', '5', '6', '7'],
      before: ['1', 'x', 'gone', '5', 'six', '7'],
      beforeOf: earlier,
    }),
    '{"a":{"long":1}}->{"before":{"foo_before":{"a":{"long":1},"renamed":{"string":"x"},"added":null,"wider":{"long":5},"other":null,"printed":{"string":"7"}}},' +
      '"after":{"foo":{"a":{"long":1},"renamed":{"string":"x"},"added":{"string":"y"},"wider":{"long":5},"other":{"long":6},"printed":{"string":"7"}}}}',
  )
})

test('types that Avro has no place for are refused when the relation is prepared, with a statement that changes them', () => {
  for (const [type, message, instead] of [
    [
      'numeric',
      'column c: decimal with no precision not yet supported with avro',
      'numeric(38, 9), or another precision',
    ],
    ['oid', 'column c: type OID not yet supported with avro', 'bigint;'],
    ['oid[]', 'column c: could not create item schema for OID: type OID not yet supported with avro', 'bigint[];'],
  ] as const) {
    const relation = table([a, avroColumn('c', 2, type)])
    assert.throws(
      () => new AvroUnderTest({ targets: foo }).encoder.prepare(relation, 0),
      (error: { code?: string; message?: string; hint?: string }) => {
        assert.equal(error.code, 'FEED_TARGET')
        assert.equal(error.message, message)
        const { hint = '' } = error
        assert.ok(hint.startsWith(`ALTER TABLE public."now named otherwise" ALTER COLUMN c TYPE ${instead}`), hint)
        assert.match(hint, /; if rows were written since .*, without cursor$/)
        return true
      },
    )
  }
})

test('a value that Avro has no place for names its table and column and how to find it, and is not shown', () => {
  for (const [type, text, message, condition] of [
    ['date', 'infinity', 'infinite date not yet supported with avro', 'NOT isfinite("C")'],
    ['timestamptz', '-infinity', 'infinite timestamp not yet supported with avro', 'NOT isfinite("C")'],
    [
      'date[]',
      '{2000-01-01,-infinity}',
      'infinite date not yet supported with avro',
      'EXISTS (SELECT FROM unnest("C") AS item WHERE NOT isfinite(item))',
    ],
    ['int4[]', '{{1,2},{3,4}}', 'array with several dimensions not supported with avro', 'array_ndims("C") > 1'],
  ] as const) {
    const relation = table([a, avroColumn('C', 2, type)])
    assert.throws(() => new AvroUnderTest({ targets: foo }).write({ relation, after: ['1', text] }), {
      code: 'FEED_ROW',
      message: `table "now named otherwise", column "C": ${message}`,
      hint: `SELECT a FROM public."now named otherwise" WHERE ${condition} finds the rows; correct them, or use format=json`,
    })
  }
})

test('keys of arrays that differ only in their bounds are refused, because Avro could not tell them apart', () => {
  const relation = table([avroColumn('k', 1, 'int4[]')], ['k'])
  const avro = new AvroUnderTest({ targets: foo })
  assert.equal(avro.line({ relation, after: ['{1,2}'] }).split('->')[0], '{"k":{"array":[{"long":1},{"long":2}]}}')
  assert.throws(() => avro.write({ relation, after: ['[0:1]={1,2}'] }), /lower bound other than 1/)
})

test('a column that is not described yet has its type from the layout, and no definition', () => {
  const avro = new AvroUnderTest({ targets: foo })
  const { columns, ...rest } = table([a, avroColumn('c', 2, 'numeric')])
  const typmod = ((4 << 16) | 1) + 4
  const relation = { ...rest, columns: columns.map(({ name, shape }) => ({ name, shape, typmod })) }
  avro.write({ relation, after: ['1', '1.2'] })
  assert.equal(
    avro.registry.schema(2),
    '{"type":"record","name":"foo_envelope","fields":[{"type":["null",{"type":"record","name":"foo","fields":[' +
      '{"type":["null","long"],"name":"a","default":null},' +
      '{"type":["null",{"type":"bytes","logicalType":"decimal","precision":4,"scale":1},"string"],"name":"c","default":null}' +
      ']}],"name":"after","default":null}]}',
  )
})

test('a row that lacks a value of its message is no message with null', () => {
  const avro = new AvroUnderTest({ targets: foo })
  const relation = table()
  avro.encoder.prepare(relation, 0)
  const row = rowOf(table([a]), ['1'])
  const time = Buffer.from('1.0000000000')
  const change = {
    relation,
    topic: 0,
    key: row,
    after: row,
    before: undefined,
    updated: time,
    mvcc: time,
    committedMs: Number.NaN,
    schema: 2,
  }
  assert.throws(() => avro.encoder.encodeValue(change, new ByteWriter()), { code: 'FEED_BUG' })
})
