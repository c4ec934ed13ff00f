// Values that the host of the kernel writes: composites, and arrays of them. The kernel still writes the rows.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TypeShape } from '../../src/core/table.ts'
import { relationOfDescription } from '../../src/decode/schema-history.ts'
import { specOf } from '../support/spec-of.ts'
import { compareScan } from './both-encoders.ts'
import type { RandomCopy } from './random-copy.ts'

const int8: TypeShape = { tag: 'scalar', name: 'int8' }
const text: TypeShape = { tag: 'scalar', name: 'text' }
const address: TypeShape = {
  tag: 'composite',
  fields: [
    { name: 'zip code, which has a long name', shape: int8 },
    { name: 'street', shape: text },
  ],
}
const arrayOf = (element: TypeShape): TypeShape => ({ tag: 'array', element, delimiter: ',' })

/** The rows of a table whose key is its first column, as COPY sends them. */
function copyOf(shapes: readonly TypeShape[], rows: readonly (readonly string[])[]): RandomCopy {
  const columns = shapes.map((shape, i) => ({
    name: `c${i}`,
    attnum: i + 1,
    typeOid: 0,
    typmod: -1,
    typeName: '',
    shape,
    notNull: i === 0,
    hasDefault: false,
    generated: false,
  }))
  const relation = relationOfDescription({
    relid: 1,
    database: 'd',
    schema: 'public',
    name: 't',
    columns,
    primaryKey: ['c0'],
    identity: 'f',
  })
  const messages = rows.map((values) => {
    const line = Buffer.from(`${values.join('\t')}\n`)
    const head = Buffer.from([0x64, 0, 0, 0, 0])
    head.writeUInt32BE(4 + line.length, 1)
    return Buffer.concat([head, line])
  })
  const bytes = Buffer.concat(messages)
  return {
    spec: specOf({ targets: [{ relid: 1, topic: 't', tableName: 't' }], keyInValue: true }),
    shape: { relation, sent: columns.length, commitTimes: false },
    at: { wall: 1_700_000_000_000_000_000n, logical: 0 },
    bytes,
    cuts: [bytes.length],
  }
}

test('each row of a table with composites is written by the kernel, also with a composite in the key', async () => {
  const shapes = [address, arrayOf(address), arrayOf(arrayOf(int8)), text]
  const rows = Array.from({ length: 3000 }, (_, i) => [
    `(${i},"a ""street""")`,
    `{"(${i},x)",NULL,"(,)"}`,
    `{"{${i},NULL}","{1,2}"}`,
    `name ${i}`,
  ])
  assert.deepEqual(await compareScan(copyOf(shapes, rows), 'composites'), { messages: 3000, byKernel: 3000 })
})

test('a row whose value becomes far longer than its text is left to the reference, and those around it are not', async () => {
  const rows = Array.from({ length: 1000 }, (_, i) => [
    String(i),
    i % 10 === 5 ? `{${Array(200).fill('"(,)"').join(',')}}` : '{"(1,a)"}',
  ])
  assert.deepEqual(await compareScan(copyOf([int8, arrayOf(address)], rows), 'long values'), {
    messages: 1000,
    byKernel: 900,
  })
})

/** Each type has the one before twice, the second time in an array. */
function nested(depth: number): TypeShape {
  if (depth === 0) return address
  const inner = nested(depth - 1)
  return {
    tag: 'composite',
    fields: [
      { name: 'one', shape: inner },
      { name: 'many', shape: arrayOf(inner) },
    ],
  }
}

test('types that are deep in each other are written by the kernel as far as values are short', async () => {
  const rows = Array.from({ length: 100 }, (_, i) => [String(i), i % 2 === 0 ? '(,)' : '("(,""{NULL}"")",{NULL})'])
  assert.deepEqual(await compareScan(copyOf([int8, nested(10)], rows), 'deep types'), { messages: 100, byKernel: 100 })
})

test('the reference writes the rows of a table with so many deep types that the kernel has no room for one', async () => {
  const deep = nested(5)
  const shapes = [int8, ...Array.from({ length: 100 }, () => deep)]
  const rows = Array.from({ length: 20 }, (_, i) => [String(i), ...Array.from({ length: 100 }, () => '(,)')])
  assert.deepEqual(await compareScan(copyOf(shapes, rows), 'many deep types'), { messages: 20, byKernel: 0 })
})

test('a composite that does not parse ends the feed behind the rows before it', async () => {
  const rows = Array.from({ length: 100 }, (_, i) => [String(i), i === 60 ? '(1' : '(1,a)'])
  assert.deepEqual(await compareScan(copyOf([int8, address], rows), 'a malformed value'), {
    messages: 60,
    byKernel: 60,
  })
})
