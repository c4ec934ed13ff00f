import assert from 'node:assert/strict'
import test from 'node:test'
import type { ColumnDescription, TableDescription } from '../../core/table.ts'
import type { RelationMessage } from '../../decode/pgoutput/relation.ts'
import { readLayout, type LayoutDecision } from './read-layout.ts'

const int4 = 23
const text = 25

function column(name: string, attnum: number, typeOid = int4): ColumnDescription {
  const shape = { tag: 'scalar', name: typeOid === int4 ? 'int4' : 'text' } as const
  return {
    name,
    attnum,
    typeOid,
    typmod: -1,
    typeName: shape.name,
    shape,
    notNull: false,
    hasDefault: false,
    generated: false,
    missing: null,
  }
}

function table(columns: readonly ColumnDescription[], key: readonly string[], keyOid = 1): TableDescription {
  return {
    relid: 7,
    database: 'd',
    schema: 's',
    name: 't',
    columns,
    primaryKey: key,
    identity: 'd',
    catalogue: { key: keyOid, file: 1, columns: '' },
  }
}

function message(
  columns: readonly (readonly [name: string, typeOid: number])[],
  key: readonly string[],
): RelationMessage {
  return {
    relid: 7,
    schema: 's',
    name: 't',
    identity: 'd',
    columns: columns.map(([name, typeOid]) => ({ name, typeOid, typmod: -1, isKey: key.includes(name) })),
  }
}

const decided = (
  layout: RelationMessage,
  before: TableDescription | undefined,
  after: TableDescription | undefined,
): LayoutDecision => readLayout(layout, { before, after, shapeOf: () => undefined })

const one = table([column('id', 1)], ['id'])
const two = table([column('id', 1), column('a', 2, text)], ['id'])

test('the message decides which of two descriptions its rows have', () => {
  assert.deepEqual(decided(message([['id', int4]], ['id']), one, two), {
    tag: 'described',
    description: one,
    by: 'before',
  })
  const layout = message(
    [
      ['id', int4],
      ['a', text],
    ],
    ['id'],
  )
  assert.deepEqual(decided(layout, one, two), { tag: 'described', description: two, by: 'after' })
  assert.deepEqual(decided(layout, undefined, two), { tag: 'described', description: two, by: 'after' })
})

test('if both fit, the earlier description holds until the change is seen by itself', () => {
  const again = table([column('id', 1), column('a', 3, text)], ['id'])
  const layout = message(
    [
      ['id', int4],
      ['a', text],
    ],
    ['id'],
  )
  assert.deepEqual(decided(layout, two, again), { tag: 'described', description: two, by: 'before' })
})

test('if neither fits, the description is made of the message, with the columns that are known', () => {
  const after = table([column('id', 1), column('c', 4)], ['id'])
  const layout = message(
    [
      ['id', int4],
      ['a', text],
      ['b', int4],
    ],
    ['id'],
  )
  const decision = decided(layout, two, after)
  assert.equal(decision.tag, 'described')
  if (decision.tag !== 'described') return
  assert.equal(decision.by, 'message')
  const { columns, primaryKey } = decision.description
  assert.deepEqual(
    columns.map(({ name, attnum, shape }) => [name, attnum < 1000 ? attnum : 'new', shape.tag]),
    [
      ['id', 1, 'scalar'],
      ['a', 2, 'scalar'],
      ['b', 'new', 'scalar'],
    ],
  )
  assert.deepEqual(primaryKey, ['id'])
})

test('a key that was changed is told by a single flag, and otherwise not at all', () => {
  const columns = [column('a', 1), column('b', 2)]
  const a = table(columns, ['a'], 1)
  const b = table(columns, ['b'], 2)
  const wire = [
    ['a', int4],
    ['b', int4],
  ] as const
  const of = (layout: RelationMessage, was: TableDescription, is: TableDescription): unknown => {
    const decision = decided(layout, was, is)
    return decision.tag === 'described' ? decision.description.primaryKey : decision.what
  }
  assert.deepEqual(of(message(wire, ['a']), a, b), ['a'])
  assert.deepEqual(of(message(wire, ['b']), a, b), ['b'])
  const unknown = 'its primary key was changed'
  const full = (key: TableDescription): TableDescription => ({ ...key, identity: 'f' })
  assert.equal(of({ ...message(wire, ['a', 'b']), identity: 'f' }, full(a), full(b)), unknown)
  assert.equal(of(message(wire, ['a', 'b']), table(columns, ['a', 'b'], 1), table(columns, ['b', 'a'], 2)), unknown)
  // It was dropped and made anew: there may have been another between.
  assert.equal(
    of({ ...message(wire, ['a', 'b']), identity: 'f' }, full(a), full({ ...a, catalogue: b.catalogue })),
    unknown,
  )
})

test('a type that is gone and was never seen cannot be read', () => {
  const layout = message(
    [
      ['id', int4],
      ['m', 16_500],
    ],
    ['id'],
  )
  assert.deepEqual(decided(layout, one, undefined), {
    tag: 'unknown',
    what: 'the type of its column "m" does not exist any more',
  })
  const seen = readLayout(layout, { before: one, after: undefined, shapeOf: () => ({ tag: 'enum' }) })
  assert.equal(seen.tag, 'described')
})

const attnums = (decision: LayoutDecision): number[] =>
  decision.tag === 'described' ? decision.description.columns.map(({ attnum }) => attnum) : []

test('a column that has the former name of another one is not taken for that one', () => {
  const before = table([column('id', 1), column('c', 2, text), column('d', 3, text)], ['id'])
  const after = table([column('id', 1), column('d', 2, text)], ['id'])
  const layout = message(
    [
      ['id', int4],
      ['d', text],
      ['c', text],
    ],
    ['id'],
  )
  const [id, d, c] = attnums(decided(layout, before, after))
  assert.deepEqual([id, d], [1, 2])
  assert.ok(c !== undefined && c > 1000, String(c))
})

test('a column is not taken for one that was added after a column of perhaps the same name was dropped', () => {
  const after = table([column('id', 1), column('a', 3, text)], ['id'])
  const layout = message(
    [
      ['id', int4],
      ['a', text],
    ],
    ['id'],
  )
  const decision = readLayout(layout, { before: one, after, gone: [2], shapeOf: () => undefined })
  assert.equal(decision.tag === 'described' && decision.by, 'message')
  assert.ok((attnums(decision)[1] ?? 0) > 1000)
  const alone = readLayout(layout, { before: one, after, gone: [], shapeOf: () => undefined })
  assert.equal(alone.tag === 'described' && alone.by, 'after')
})
