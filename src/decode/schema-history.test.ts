import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ColumnDescription, TableDescription, TypeShape } from '../core/table.ts'
import { relationOfDescription, SchemaHistory } from './schema-history.ts'

const int8: TypeShape = { tag: 'scalar', name: 'int8' }
const text: TypeShape = { tag: 'scalar', name: 'text' }
const mood: TypeShape = { tag: 'enum' }
const oids = { int8: 20, text: 25, textArray: 1009, mood: 90001 } as const

type LayoutColumn = readonly [name: string, typeOid: number, isKey?: boolean]

const cstring = (value: string): Buffer => Buffer.from(`${value}\0`)

function layout(columns: readonly LayoutColumn[], identity = 'd', relid = 7): Buffer {
  const head = Buffer.from([0x52, 0, 0, 0, relid])
  const count = Buffer.from([identity.charCodeAt(0), 0, columns.length])
  const parts = columns.flatMap(([name, typeOid, isKey = false]) => {
    const type = Buffer.alloc(8, 0xff)
    type.writeUInt32BE(typeOid)
    return [Buffer.from([isKey ? 1 : 0]), cstring(name), type]
  })
  return Buffer.concat([head, cstring('public'), cstring('t'), count, ...parts])
}

function column(name: string, typeOid: number, shape: TypeShape, attnum = 1): ColumnDescription {
  const typeName = shape.tag === 'scalar' ? shape.name : shape.tag
  return { name, attnum, typeOid, typmod: -1, typeName, shape, notNull: false, hasDefault: false, generated: false }
}

function describe(columns: readonly ColumnDescription[], primaryKey: readonly string[], more = {}): TableDescription {
  return { relid: 7, database: 'd', schema: 'public', name: 't', columns, primaryKey, identity: 'd', ...more }
}

const schemaRecord = (description: TableDescription): Buffer => Buffer.from(`S${JSON.stringify(description)}`)

function fed(...records: readonly Buffer[]): SchemaHistory {
  const history = new SchemaHistory()
  for (const bytes of records) {
    // As in a block: something stands around the record.
    const block = Buffer.concat([Buffer.from('####'), bytes, Buffer.from('####')])
    history.apply(block, 4, 4 + bytes.length)
    block.fill(0)
  }
  return history
}

function seen(history: SchemaHistory): unknown {
  const relation = history.relation(7)
  return relation && { columns: relation.columns.map(({ name, shape }) => [name, shape]), key: relation.keyIndexes }
}

const id = column('id', oids.int8, int8)
const feeling = column('feeling', oids.mood, mood, 2)
const described = describe([id, feeling], ['id'])
const laidOut: readonly LayoutColumn[] = [
  ['feeling', oids.mood],
  ['id', oids.int8, true],
]
const joined = {
  columns: [
    ['feeling', mood],
    ['id', int8],
  ],
  key: [1],
}

test('a relation is unknown before its first record', () => {
  assert.equal(fed().relation(7), undefined)
})

test('tuples have the order of the layout and the shapes of the description, whichever comes first', () => {
  assert.deepEqual(seen(fed(schemaRecord(described), layout(laidOut))), joined)
  assert.deepEqual(seen(fed(layout(laidOut), schemaRecord(described))), joined)
})

test('before any layout, the description alone gives columns in attribute order', () => {
  const relation = fed(schemaRecord(described)).relation(7)
  assert.deepEqual(relation, relationOfDescription(described))
  assert.deepEqual(relation?.columns, [
    { name: 'id', shape: int8, description: id },
    { name: 'feeling', shape: mood, description: feeling },
  ])
})

test('without a description, columns are what their type says and the key is what is flagged', () => {
  const columns: readonly LayoutColumn[] = [
    ['tags', oids.textArray],
    ['id', oids.int8, true],
    ['odd', 424242],
  ]
  const history = fed(layout(columns))
  assert.deepEqual(seen(history), {
    columns: [
      ['tags', { tag: 'array', element: text, delimiter: ',' }],
      ['id', int8],
      ['odd', text],
    ],
    key: [1],
  })
  assert.equal(history.relation(7)?.description.name, 't')
  assert.deepEqual(history.relation(7)?.description.primaryKey, ['id'])
})

test('REPLICA IDENTITY FULL flags every column, which is no key', () => {
  const all = laidOut.map(([name, oid]): LayoutColumn => [name, oid, true])
  assert.deepEqual(fed(layout(all, 'f')).relation(7)?.keyIndexes, [])
  assert.deepEqual(fed(layout(all, 'f'), schemaRecord(described)).relation(7)?.keyIndexes, [1])
})

test('the key has the order of the index, not of the columns', () => {
  const description = describe([id, feeling], ['feeling', 'id'])
  assert.deepEqual(fed(layout(laidOut), schemaRecord(description)).relation(7)?.keyIndexes, [0, 1])
  assert.deepEqual(relationOfDescription(description).keyIndexes, [1, 0])
})

test('the same object stays until something changes', () => {
  const history = fed(schemaRecord(described), layout(laidOut))
  const before = history.relation(7)
  for (const bytes of [layout(laidOut), schemaRecord(described), layout(laidOut, 'd', 8)]) {
    history.apply(bytes, 0, bytes.length)
    assert.equal(history.relation(7), before)
  }
  const changed = schemaRecord(describe([id, feeling], ['id'], { identity: 'f' }))
  history.apply(changed, 0, changed.length)
  assert.notEqual(history.relation(7), before)
})

test('a new column is known from the layout until it is described, and a dropped one is gone with it', () => {
  const added: readonly LayoutColumn[] = [...laidOut, ['note', oids.text]]
  assert.deepEqual(seen(fed(schemaRecord(described), layout(added))), {
    columns: [...joined.columns, ['note', text]],
    key: [1],
  })
  assert.deepEqual(seen(fed(schemaRecord(described), layout(added), layout(laidOut))), joined)
})

test('a rename reaches the rows with the layout, and neither type nor key is lost in between', () => {
  const renamed = describe([column('number', oids.int8, int8), column('state', oids.mood, mood, 2)], ['number'])
  const history = fed(layout(laidOut), schemaRecord(described), schemaRecord(renamed))
  assert.deepEqual(seen(history), joined)
  const next = layout([
    ['state', oids.mood],
    ['number', oids.int8, true],
  ])
  history.apply(next, 0, next.length)
  assert.deepEqual(seen(history), {
    columns: [
      ['state', mood],
      ['number', int8],
    ],
    key: [1],
  })
})

test('a column of another type is not described by what its name was before', () => {
  const retyped = describe([id, column('feeling', oids.text, text, 2)], ['id'])
  const history = fed(schemaRecord(described), layout(laidOut), schemaRecord(retyped))
  const next = layout([
    ['feeling', oids.text],
    ['id', oids.int8, true],
  ])
  history.apply(next, 0, next.length)
  assert.deepEqual(seen(history), {
    columns: [
      ['feeling', text],
      ['id', int8],
    ],
    key: [1],
  })
})

test('a dropped table stays readable and says that it is dropped', () => {
  const history = fed(schemaRecord(described), layout(laidOut), schemaRecord({ ...described, dropped: true }))
  assert.equal(history.relation(7)?.description.dropped, true)
  assert.deepEqual(seen(history), joined)
})

test('a snapshot brings back what was known', () => {
  const history = fed(schemaRecord(described), layout(laidOut))
  const before = history.relation(7)
  const snapshot = history.snapshot()
  const dropped = schemaRecord({ ...described, dropped: true })
  history.apply(dropped, 0, dropped.length)
  assert.notEqual(history.relation(7), before)
  history.restore(snapshot)
  assert.equal(history.relation(7), before)
})

test('records that are cut anywhere are errors', () => {
  for (const bytes of [layout(laidOut), schemaRecord(described)]) {
    for (let end = 1; end < bytes.length; end++) {
      assert.throws(
        () => new SchemaHistory().apply(bytes, 0, end),
        (error: { code?: string }) => error.code === 'FEED_DECODE' || error.code === 'FEED_LOG_CORRUPT',
        `cut at ${end}`,
      )
    }
  }
})

test('a key column that is not among the columns of the layout makes no smaller key, but a reason', () => {
  const twoColumns = describe([id, feeling], ['id', 'feeling'])
  const whole = fed(layout(laidOut, 'f'), schemaRecord(twoColumns)).relation(7)
  assert.deepEqual([whole?.keyIndexes, whole?.keyProblem], [[1, 0], undefined])
  const other: readonly LayoutColumn[] = [...laidOut, ['more', oids.text]]
  const renamed = describe([id, column('state', oids.mood, mood, 2)], ['id', 'state'])
  const partial = fed(layout(other, 'f'), schemaRecord(renamed)).relation(7)
  assert.match(partial?.keyProblem ?? '', /column "state" of its primary key is not among the columns/)
})

test("the layout's own flags stand in for one key column that has another name, in its place of the key", () => {
  const flagged: readonly LayoutColumn[] = [
    ['more', oids.text],
    ['feeling', oids.mood, true],
    ['id', oids.int8, true],
  ]
  const renamed = describe([id, column('state', oids.mood, mood, 2)], ['id', 'state'])
  const relation = fed(layout(flagged), schemaRecord(renamed)).relation(7)
  assert.deepEqual([relation?.keyIndexes, relation?.keyProblem], [[2, 1], undefined])
})

test('a key that the flags of the layout contradict is not used', () => {
  const flagged = laidOut.map(([name, oid]): LayoutColumn => [name, oid, true])
  assert.match(
    fed(layout(flagged), schemaRecord(described)).relation(7)?.keyProblem ?? '',
    /column "feeling" is part of the primary key that was logged/,
  )
})

test('keys of the same columns have one number, whatever the columns are called, and other keys have others', () => {
  const of = (description: TableDescription): number | undefined =>
    fed(layout(laidOut, 'f'), schemaRecord(description)).relation(7)?.keyId
  const first = of(described)
  assert.equal(of(describe([column('number', oids.int8, int8), feeling], ['number'])), first)
  assert.equal(relationOfDescription(described).keyId, first)
  assert.notEqual(of(describe([id, feeling], ['feeling'])), first)
  assert.notEqual(relationOfDescription({ ...described, relid: 8 }).keyId, first)
})
