import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RelationSchema } from '../../core/relation.ts'
import { kind, RowView } from '../../core/row-view.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { readDelete } from './delete.ts'
import { readInsert } from './insert.ts'
import { readRelation } from './relation.ts'
import { readUpdate } from './update.ts'

/** undefined: unchanged. */
type Value = string | null | undefined
type Read = readonly unknown[]

const relationOf = (columns: number): RelationSchema => ({
  relid: 7,
  description: { relid: 7, database: 'd', schema: 'public', name: 't', columns: [], primaryKey: [], identity: 'd' },
  columns: Array.from({ length: columns }, (_, i) => ({ name: `c${i}`, shape: { tag: 'scalar', name: 'text' } })),
  keyIndexes: [0],
  keyId: 1,
})

const u16 = (value: number): number[] => [value >> 8, value & 255]
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]
const cstring = (text: string): number[] => [...Buffer.from(text), 0]

function tuple(values: readonly Value[]): number[] {
  const parts = values.flatMap((value) => {
    if (value === undefined) return [kind.unchanged]
    if (value === null) return [kind.null]
    const bytes = Buffer.from(value)
    return [kind.text, ...u32(bytes.length), ...bytes]
  })
  return [...u16(values.length), ...parts]
}

function message(tag: string, ...parts: (string | readonly Value[])[]): Buffer {
  const body = parts.flatMap((part) => (typeof part === 'string' ? [part.charCodeAt(0)] : tuple(part)))
  return Buffer.from([tag.charCodeAt(0), ...u32(7), ...body])
}

function values(view: RowView): Value[] {
  return Array.from({ length: view.count }, (_, i) => {
    if (view.kinds[i] === kind.null) return null
    if (view.kinds[i] === kind.unchanged) return undefined
    const start = view.starts[i] as number
    const end = view.ends[i] as number
    assert.ok(start >= 0 && start <= end && end <= view.bytes.length)
    return view.bytes.toString('utf8', start, end)
  })
}

function read(bytes: Buffer, at: number, end: number, columns: number): Read {
  const relation = relationOf(columns)
  const old = new RowView()
  const row = new RowView()
  switch (String.fromCharCode(bytes[at] as number)) {
    case 'I':
      readInsert(bytes, at, end, relation, row)
      return [values(row)]
    case 'U': {
      const oldKind = readUpdate(bytes, at, end, relation, old, row)
      return oldKind === 'none' ? [oldKind, values(row)] : [oldKind, values(old), values(row)]
    }
    case 'D': {
      const oldKind = readDelete(bytes, at, end, relation, old)
      return [oldKind, values(old)]
    }
    default:
      return [readRelation(bytes, at, end)]
  }
}

const wide = Array.from({ length: 100 }, (_, i) => (i % 7 === 0 ? null : `value ${i}`))

const relationMessage = Buffer.from([
  0x52,
  ...u32(16385),
  ...cstring('sales'),
  ...cstring('order lines'),
  0x64,
  ...u16(2),
  1,
  ...cstring('id'),
  ...u32(20),
  ...u32(0xffffffff),
  0,
  ...cstring('größe'),
  ...u32(1043),
  ...u32(81),
])

const cases: readonly (readonly [name: string, bytes: Buffer, columns: number, expected: Read])[] = [
  ['insert', message('I', 'N', ['1', 'one', null]), 3, [['1', 'one', null]]],
  ['insert with an empty string', message('I', 'N', ['']), 1, [['']]],
  ['insert without columns', message('I', 'N', []), 0, [[]]],
  ['insert with more columns than a new view has room for', message('I', 'N', wide), 100, [wide]],
  ['update', message('U', 'N', ['1', 'two']), 2, ['none', ['1', 'two']]],
  ['update with an unchanged value', message('U', 'N', ['1', undefined]), 2, ['none', ['1', undefined]]],
  ['update of the key', message('U', 'K', ['1', null], 'N', ['2', 'b']), 2, ['key', ['1', null], ['2', 'b']]],
  [
    'update with the whole old row',
    message('U', 'O', ['1', 'a'], 'N', ['1', 'b']),
    2,
    ['full', ['1', 'a'], ['1', 'b']],
  ],
  ['delete by key', message('D', 'K', ['1', null]), 2, ['key', ['1', null]]],
  ['delete with the whole row', message('D', 'O', ['1', 'ü']), 2, ['full', ['1', 'ü']]],
  [
    'relation',
    relationMessage,
    0,
    [
      {
        relid: 16385,
        schema: 'sales',
        name: 'order lines',
        identity: 'd',
        columns: [
          { name: 'id', isKey: true, typeOid: 20, typmod: -1 },
          { name: 'größe', isKey: false, typeOid: 1043, typmod: 81 },
        ],
      },
    ],
  ],
]

test('messages are read where they stand', () => {
  for (const [name, bytes, columns, expected] of cases) {
    const around = Buffer.concat([Buffer.from('front'), bytes, Buffer.from('behind')])
    assert.deepEqual(read(around, 5, 5 + bytes.length, columns), expected, name)
  }
})

test('an empty namespace is pg_catalog', () => {
  const bytes = Buffer.from([0x52, ...u32(1), 0, ...cstring('pg_class'), 0x6e, ...u16(0)])
  assert.equal(readRelation(bytes, 0, bytes.length).schema, 'pg_catalog')
})

function isProtocolError(error: unknown): boolean {
  return error instanceof FeedError && error.code === 'FEED_DECODE'
}

test('a message that is cut anywhere is an error, whatever lies behind it', () => {
  for (const [name, bytes, columns] of cases) {
    for (let end = 1; end < bytes.length; end++) {
      assert.throws(() => read(bytes, 0, end, columns), isProtocolError, `${name}, cut at ${end}`)
      assert.throws(() => read(bytes.subarray(0, end), 0, end, columns), isProtocolError, `${name}, ended at ${end}`)
    }
  }
})

test('bytes behind a message are an error', () => {
  for (const [name, bytes, columns] of cases) {
    const longer = Buffer.concat([bytes, Buffer.from('n')])
    assert.throws(() => read(longer, 0, longer.length, columns), isProtocolError, name)
  }
})

test('a row with another number of columns than its relation is an error', () => {
  assert.throws(() => read(message('I', 'N', ['1', '2']), 0, 19, 3), {
    code: 'FEED_DECODE',
    message: 'a row of table "t" has 2 columns where 3 were announced',
  })
})

test('damaged messages are errors or rows within their borders, never anything else', () => {
  let state = 1
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state % below
  }
  for (let round = 0; round < 20_000; round++) {
    const [name, original, columns] = cases[random(cases.length)] as (typeof cases)[number]
    const bytes = Buffer.from(original)
    for (let i = random(4); i >= 0; i--) bytes[1 + random(bytes.length - 1)] = random(256)
    try {
      read(bytes, 0, bytes.length, columns)
    } catch (error) {
      if (!isProtocolError(error)) throw new Error(`${name} in round ${round}`, { cause: error })
    }
  }
})
