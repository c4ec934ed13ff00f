import { specOf } from '../../../test/support/spec-of.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { FeedSpec } from '../../core/feed-spec.ts'
import type { RelationSchema } from '../../core/relation.ts'
import { kind, RowView } from '../../core/row-view.ts'
import type { TypeShape } from '../../core/table.ts'
import { open as jsonEncoder } from './json-encoder.ts'

type Options = Partial<FeedSpec>
/** A value that is undefined is unchanged. */
type Values = readonly (string | null | undefined)[]

const plain = specOf({
  targets: [
    { relid: 6, topic: 'other', tableName: 'other' },
    { relid: 7, topic: 'd.public."q"', tableName: 'foo' },
  ],
})

function relationOf(columns: Readonly<Record<string, string | TypeShape>>, key: readonly string[]): RelationSchema {
  const names = Object.keys(columns)
  return {
    relid: 7,
    description: {
      relid: 7,
      database: 'd',
      schema: 'public',
      name: 'foo',
      columns: [],
      primaryKey: key,
      identity: 'd',
    },
    columns: Object.entries(columns).map(([name, shape]) => ({
      name,
      shape: typeof shape === 'string' ? { tag: 'scalar', name: shape } : shape,
    })),
    keyIndexes: key.map((name) => names.indexOf(name)),
    keyId: 1,
  }
}

function view(relation: RelationSchema, values: Values): RowView {
  const row = new RowView()
  row.reset(values.length)
  row.relation = relation
  row.bytes = Buffer.from(`front${values.map((value) => value ?? '').join('')}behind`)
  let at = 5
  for (const [i, value] of values.entries()) {
    row.kinds[i] = value === null ? kind.null : value === undefined ? kind.unchanged : kind.text
    row.starts[i] = at
    at += Buffer.byteLength(value ?? '')
    row.ends[i] = at
  }
  return row
}

interface Change {
  readonly after?: Values
  readonly before?: Values
}

/** Returns `key->value`, or `key->` for a message without value. */
function encoded(options: Options, relation: RelationSchema, { after, before }: Change): string {
  const encoder = jsonEncoder({ ...plain, ...options })
  const out = new ByteWriter(16)
  const afterRow = after && view(relation, after)
  const beforeRow = before && view(relation, before)
  const key = (afterRow ?? beforeRow) as RowView
  const updated = Buffer.from('1.0000000002')
  encoder.encodeKey(relation, key, out)
  out.latin1('->')
  const length = out.length
  const hasValue = encoder.encodeValue(
    {
      relation,
      topic: 1,
      key,
      after: afterRow,
      before: beforeRow,
      updated,
      mvcc: Buffer.from('0.0000000009'),
      committedMs: Number.NaN,
      schema: 0,
    },
    out,
  )
  assert.equal(hasValue, out.length > length)
  return out.view().toString()
}

function resolved(options: Options): string {
  const out = new ByteWriter()
  jsonEncoder({ ...plain, ...options }).encodeResolved(0, { wall: 1n, logical: 2 }, out)
  return out.view().toString()
}

const foo = relationOf({ a: 'int8', b: 'text' }, ['a'])
const insert: Change = { after: ['1', 'bar'] }
const remove: Change = { before: ['1', 'bar'] }

const envelopes: readonly (readonly [options: Options, insert: string, remove: string, resolved: string])[] = [
  [{}, '[1]->{"after": {"a": 1, "b": "bar"}}', '[1]->{"after": null}', '{"resolved":"1.0000000002"}'],
  [
    { updated: true },
    '[1]->{"after": {"a": 1, "b": "bar"}, "updated": "1.0000000002"}',
    '[1]->{"after": null, "updated": "1.0000000002"}',
    '{"resolved":"1.0000000002"}',
  ],
  [
    { updated: true, diff: true },
    '[1]->{"after": {"a": 1, "b": "bar"}, "before": null, "updated": "1.0000000002"}',
    '[1]->{"after": null, "before": {"a": 1, "b": "bar"}, "updated": "1.0000000002"}',
    '{"resolved":"1.0000000002"}',
  ],
  [
    { updated: true, diff: true, keyInValue: true, mvccTimestamp: true, topicInValue: true },
    '[1]->{"after": {"a": 1, "b": "bar"}, "before": null, "key": [1], "mvcc_timestamp": "0.0000000009", "topic": "d.public.\\"q\\"", "updated": "1.0000000002"}',
    '[1]->{"after": null, "before": {"a": 1, "b": "bar"}, "key": [1], "mvcc_timestamp": "0.0000000009", "topic": "d.public.\\"q\\"", "updated": "1.0000000002"}',
    '{"resolved":"1.0000000002"}',
  ],
  [{ envelope: 'row' }, '[1]->{"a": 1, "b": "bar"}', '[1]->', '{"__crdb__":{"resolved":"1.0000000002"}}'],
  [{ envelope: 'row', diff: true }, '[1]->{"a": 1, "b": "bar"}', '[1]->', '{"__crdb__":{"resolved":"1.0000000002"}}'],
  [
    { envelope: 'row', updated: true },
    '[1]->{"__crdb__": {"updated": "1.0000000002"}, "a": 1, "b": "bar"}',
    '[1]->',
    '{"__crdb__":{"resolved":"1.0000000002"}}',
  ],
  [
    { envelope: 'row', mvccTimestamp: true },
    '[1]->{"__crdb__": {"mvcc_timestamp": "0.0000000009"}, "a": 1, "b": "bar"}',
    '[1]->',
    '{"__crdb__":{"resolved":"1.0000000002"}}',
  ],
  [
    { envelope: 'row', updated: true, mvccTimestamp: true },
    '[1]->{"__crdb__": {"mvcc_timestamp": "0.0000000009", "updated": "1.0000000002"}, "a": 1, "b": "bar"}',
    '[1]->',
    '{"__crdb__":{"resolved":"1.0000000002"}}',
  ],
  [{ envelope: 'key_only' }, '[1]->', '[1]->', '{"__crdb__":{"resolved":"1.0000000002"}}'],
  [{ envelope: 'key_only', updated: true, diff: true }, '[1]->', '[1]->', '{"__crdb__":{"resolved":"1.0000000002"}}'],
]

test('each envelope prints inserts, deletes and resolved timestamps byte for byte', () => {
  for (const [options, inserted, removed, resolvedText] of envelopes) {
    const name = JSON.stringify(options)
    assert.equal(encoded(options, foo, insert), inserted, name)
    assert.equal(encoded(options, foo, remove), removed, name)
    assert.equal(resolved(options), resolvedText, name)
  }
})

test('an update with diff shows the row before and after', () => {
  assert.equal(
    encoded({ diff: true }, foo, { after: ['2', 'c'], before: ['2', 'b'] }),
    '[2]->{"after": {"a": 2, "b": "c"}, "before": {"a": 2, "b": "b"}}',
  )
})

test('members are sorted by the bytes of their names: upper case, then `_`, then lower case, then the rest', () => {
  const relation = relationOf({ b: 'int4', é: 'int4', Zoo: 'int4', aa: 'int4', _x: 'int4', a: 'int4' }, ['a'])
  const values = ['1', '2', '3', '4', '5', '6']
  const row = '"Zoo": 3, "_x": 5, "a": 6, "aa": 4, "b": 1, "é": 2'
  assert.equal(encoded({}, relation, { after: values }), `[6]->{"after": {${row}}}`)
  assert.equal(
    encoded({ envelope: 'row', updated: true }, relation, { after: values }),
    '[6]->{"Zoo": 3, "__crdb__": {"updated": "1.0000000002"}, "_x": 5, "a": 6, "aa": 4, "b": 1, "é": 2}',
  )
})

test('a key is an array in the order of the primary key', () => {
  const relation = relationOf({ a: 'int8', b: 'text', c: 'uuid' }, ['c', 'a'])
  const id = '68ee1f95-3137-48e2-8ce3-34ac2d18c7c8'
  assert.equal(
    encoded({ keyInValue: true }, relation, { before: ['1', null, id] }),
    `["${id}", 1]->{"after": null, "key": ["${id}", 1]}`,
  )
})

test('names are escaped as strings are', () => {
  const relation = relationOf({ 'say "a\\b"\n': 'int8' }, ['say "a\\b"\n'])
  assert.equal(encoded({}, relation, { after: ['1'] }), '[1]->{"after": {"say \\"a\\\\b\\"\\n": 1}}')
})

test('a column named as the metadata gives way to it', () => {
  const relation = relationOf({ __crdb__: 'text', id: 'int8' }, ['id'])
  assert.equal(encoded({ envelope: 'row' }, relation, { after: ['x', '1'] }), '[1]->{"__crdb__": "x", "id": 1}')
  assert.equal(
    encoded({ envelope: 'row', updated: true }, relation, { after: ['x', '1'] }),
    '[1]->{"__crdb__": {"updated": "1.0000000002"}, "id": 1}',
  )
})

test('JSON null is told apart from NULL only when asked', () => {
  const relation = relationOf({ data: 'jsonb', id: 'int8', j: 'json' }, ['id'])
  const values = ['null', '2', ' null\n']
  assert.equal(encoded({}, relation, { after: values }), '[2]->{"after": {"data": null, "id": 2, "j": null}}')
  const asObject = { encodeJsonNullAsObject: true }
  assert.equal(
    encoded(asObject, relation, { after: values }),
    '[2]->{"after": {"data": {"__crdb_json_null__": true}, "id": 2, "j": {"__crdb_json_null__": true}}}',
  )
  assert.equal(
    encoded(asObject, relation, { after: [null, '1', '[null]'] }),
    '[1]->{"after": {"data": null, "id": 1, "j": [null]}}',
  )
})

test('rows of several layouts of a table print by their own layout', () => {
  const encoder = jsonEncoder({ ...plain, diff: true })
  const wider = relationOf({ a: 'int8', b: 'text', c: 'bool' }, ['a'])
  const out = new ByteWriter()
  const after = view(wider, ['1', 'x', 't'])
  const before = view(foo, ['1', 'y'])
  const updated = Buffer.alloc(0)
  for (let i = 0; i < 2; i++) {
    out.clear()
    encoder.encodeValue(
      { relation: wider, topic: 1, key: after, after, before, updated, mvcc: updated, committedMs: 1, schema: 0 },
      out,
    )
    assert.equal(out.view().toString(), '{"after": {"a": 1, "b": "x", "c": true}, "before": {"a": 1, "b": "y"}}')
  }
})

test('a placeholder of an unchanged value is never emitted', () => {
  assert.throws(() => encoded({}, foo, { after: ['1', undefined] }), { code: 'FEED_BUG' })
})

test('a row with fewer columns than its relation is never emitted', () => {
  assert.throws(() => encoded({}, foo, { after: ['1'] }), { code: 'FEED_BUG' })
})

test('a table that lost its primary key ends the feed with a clear error', () => {
  assert.throws(() => encoded({}, relationOf({ a: 'int8' }, []), { after: ['1'] }), {
    code: 'FEED_ROW',
    message: 'table "foo" has no primary key any more',
  })
})

test('a value that does not fit the buffer makes it grow', () => {
  const long = '"\u0001é'.repeat(100_000)
  const text = encoded({ keyInValue: true }, relationOf({ b: 'text' }, ['b']), { after: [long] })
  const value = JSON.parse(text.slice(text.indexOf('->') + 2)) as { after: { b: string }; key: string[] }
  assert.deepEqual(value, { after: { b: long }, key: [long] })
})
