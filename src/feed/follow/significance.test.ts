import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ColumnDescription, TableDescription, TypeShape } from '../../core/table.ts'
import { significanceOf, type Significance } from './significance.ts'

const int8: TypeShape = { tag: 'scalar', name: 'int8' }
const scalar = (name: string): TypeShape => ({ tag: 'scalar', name })
const arrayOf = (element: TypeShape): TypeShape => ({ tag: 'array', element, delimiter: ',' })
const composite = (...names: readonly string[]): TypeShape => ({
  tag: 'composite',
  fields: names.map((name) => ({ name, shape: int8 })),
})

function column(name: string, attnum: number, more: Partial<ColumnDescription> = {}): ColumnDescription {
  const facts = { typeOid: 20, typmod: -1, typeName: 'bigint', shape: int8, notNull: false, hasDefault: false }
  return { name, attnum, ...facts, generated: false, missing: null, ...more }
}

const a = column('a', 1, { notNull: true })
const b = column('b', 2)
const table: TableDescription = {
  relid: 1,
  database: 'd',
  schema: 'public',
  name: 't',
  columns: [a, b],
  primaryKey: ['a'],
  identity: 'd',
}
const added = (more: Partial<ColumnDescription>): Partial<TableDescription> => ({
  columns: [a, b, column('c', 3, more)],
})
const typed = (shape: TypeShape): Partial<TableDescription> => ({ columns: [a, column('b', 2, { shape })] })

interface Case {
  readonly what: string
  readonly before?: Partial<TableDescription>
  readonly after: Partial<TableDescription>
  readonly counts: Significance
  /** Where it is another with `column_changes`. */
  readonly asColumnChange?: Significance
}

const cases: readonly Case[] = [
  { what: 'a nullable column is added', after: added({}), counts: 'none', asColumnChange: 'rows' },
  {
    what: 'a nullable column is added, and later rows have a default',
    after: added({ hasDefault: true }),
    counts: 'none',
    asColumnChange: 'rows',
  },
  { what: 'a column is added that has a value in existing rows', after: added({ missing: '7' }), counts: 'rows' },
  { what: 'a column is added that has an empty text in existing rows', after: added({ missing: '' }), counts: 'rows' },
  { what: 'a column is added that is NOT NULL', after: added({ notNull: true }), counts: 'rows' },
  { what: 'a stored generated column is added', after: added({ generated: true, hasDefault: true }), counts: 'rows' },
  { what: 'an identity column is added', after: added({ identity: 'a', notNull: true }), counts: 'rows' },
  {
    what: 'an earlier version has described an added column with a default',
    after: added({ hasDefault: true, missing: undefined }),
    counts: 'rows',
  },
  {
    what: 'an earlier version has described an added column without a default',
    after: added({ missing: undefined }),
    counts: 'none',
    asColumnChange: 'rows',
  },
  {
    what: 'a later version describes the same table',
    before: {
      columns: [column('a', 1, { notNull: true, missing: undefined }), column('b', 2, { missing: undefined })],
    },
    after: { columns: [a, column('b', 2, { missing: '7', identity: 'd' })] },
    counts: 'none',
  },
  { what: 'a column is dropped', after: { columns: [a] }, counts: 'rows' },
  { what: 'a column is dropped and added again', after: { columns: [a, column('b', 3)] }, counts: 'rows' },
  { what: 'a column is renamed', after: { columns: [a, column('x', 2)] }, counts: 'none' },
  {
    what: 'two columns swap their names',
    after: { columns: [column('b', 1), column('a', 2)], primaryKey: ['b'] },
    counts: 'none',
  },
  {
    what: 'a column of the key is renamed',
    after: { columns: [column('x', 1), b], primaryKey: ['x'] },
    counts: 'none',
  },
  { what: 'the key has another column', after: { primaryKey: ['b'] }, counts: 'key' },
  { what: 'the key has one more column', after: { primaryKey: ['a', 'b'] }, counts: 'key' },
  {
    what: 'the columns of the key are in another order',
    before: { primaryKey: ['b', 'a'] },
    after: { primaryKey: ['a', 'b'] },
    counts: 'key',
  },
  { what: 'the key is dropped', after: { primaryKey: [] }, counts: 'key' },
  { what: 'the key and a column are others', after: { columns: [a], primaryKey: [] }, counts: 'rows' },
  { what: 'the key becomes DEFERRABLE', after: { deferrableKey: true }, counts: 'none' },
  { what: 'all rows were written anew', after: { rewrites: 1 }, counts: 'rows' },
  {
    what: 'an earlier version did not count how often rows were written anew',
    before: { rewrites: undefined },
    after: { rewrites: 0 },
    counts: 'none',
  },
  { what: 'a type prints otherwise', after: typed(scalar('bool')), counts: 'rows' },
  {
    what: 'a text has no limit any more',
    before: typed(scalar('varchar')),
    after: typed(scalar('text')),
    counts: 'none',
  },
  {
    what: 'an array of texts has no limit any more',
    before: typed(arrayOf(scalar('varchar'))),
    after: typed(arrayOf(scalar('text'))),
    counts: 'none',
  },
  {
    what: 'the elements of an array are others',
    before: typed(arrayOf(int8)),
    after: typed(arrayOf(scalar('bool'))),
    counts: 'rows',
  },
  {
    what: 'a type is wider and prints the same',
    after: { columns: [a, column('b', 2, { typmod: 20, typeName: 'x', typeOid: 7 })] },
    counts: 'none',
  },
  {
    what: 'a composite type has one more attribute',
    before: typed(composite('x')),
    after: typed(composite('x', 'y')),
    counts: 'rows',
  },
  {
    what: 'an attribute of a composite type has another name',
    before: typed(composite('x')),
    after: typed(composite('y')),
    counts: 'rows',
  },
  { what: 'an enum is another one', before: typed({ tag: 'enum' }), after: typed({ tag: 'enum' }), counts: 'none' },
  { what: 'an enum becomes a text', before: typed({ tag: 'enum' }), after: typed(scalar('text')), counts: 'rows' },
  {
    what: 'NOT NULL and a default are added to a column',
    after: { columns: [a, column('b', 2, { notNull: true, hasDefault: true })] },
    counts: 'none',
  },
  {
    what: 'the table has another name, schema and replica identity',
    after: { name: 'x', schema: 's', identity: 'f' },
    counts: 'none',
  },
  { what: 'the table is dropped', after: { dropped: true, columns: [] }, counts: 'none' },
]

for (const { what, before, after, counts, asColumnChange = counts } of cases) {
  test(`when ${what}, the change counts as ${counts}`, () => {
    const change = { before: { ...table, ...before }, after: { ...table, ...after } }
    assert.equal(significanceOf(change, 'default'), counts)
    assert.equal(significanceOf(change, 'column_changes'), asColumnChange)
  })
}
