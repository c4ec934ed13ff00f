import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parquetReadObjects, parquetSchema, parquetMetadata } from 'hyparquet'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { ByteWriter } from '../../../../bytes/byte-writer.ts'
import type { FileColumn } from '../../../../core/file-column.ts'
import type { CompositeField, TypeShape } from '../../../../core/table.ts'
import { parquetFiles } from './parquet.ts'
import { parseArray } from './parse-array.ts'

const scalar = (name: string): TypeShape => ({ tag: 'scalar', name })
const arrayOf = (element: TypeShape): TypeShape => ({ tag: 'array', element, delimiter: ',' })

async function written(
  columns: readonly FileColumn[],
  rows: readonly (readonly (string | null)[])[],
  compression?: 'gzip' | 'zstd',
): Promise<{ readonly rows: readonly Record<string, unknown>[]; readonly file: ArrayBuffer }> {
  const body = parquetFiles({ compression, columns: () => columns }).begin(1)
  const out = new ByteWriter()
  const pieces: Uint8Array[] = []
  for (const row of rows) {
    out.clear()
    for (const text of row) {
      const bytes = Buffer.from(text ?? '')
      out.u32be(text === null ? 0xffffffff : bytes.length)
      out.copy(bytes)
    }
    body.add(out.buffer, 0, 0, out.length)
    if (body.ready > 0) pieces.push(body.take())
  }
  body.end()
  pieces.push(body.take())
  assert.equal(body.ready, 0)
  const file = Uint8Array.from(Buffer.concat(pieces)).buffer
  const compressors = {
    GZIP: (input: Uint8Array) => Uint8Array.from(gunzipSync(input)),
    ZSTD: (input: Uint8Array) => Uint8Array.from(zstdDecompressSync(input)),
  }
  return { rows: await parquetReadObjects({ file, compressors, utf8: false }), file }
}

test('values come back in the types of Parquet, and what has none as text', async () => {
  const table: readonly (readonly [shape: TypeShape, text: string | null, value: unknown])[] = [
    [scalar('int8'), '-9223372036854775808', -9223372036854775808n],
    [scalar('int4'), '2147483647', 2147483647],
    [scalar('int2'), '-5', -5],
    [scalar('bool'), 't', true],
    [scalar('bool'), 'f', false],
    [scalar('float8'), '1e-05', 1e-5],
    [scalar('float8'), '-Infinity', -Infinity],
    [scalar('float4'), '0.5', 0.5],
    [scalar('numeric'), '123456789012345678901234567890.10', '123456789012345678901234567890.10'],
    [scalar('text'), 'é "x"\n', 'é "x"\n'],
    [scalar('text'), '', ''],
    [scalar('text'), null, null],
    [scalar('timestamptz'), '2026-01-31 12:00:00+00', '2026-01-31 12:00:00+00'],
    [scalar('uuid'), '33333333-3333-4400-8000-00000000000a', '33333333-3333-4400-8000-00000000000a'],
    [scalar('bytea'), '\\x00ff10', Uint8Array.of(0, 255, 16)],
    [scalar('jsonb'), '{"a": [1, null]}', '{"a": [1, null]}'],
    [{ tag: 'enum' }, 'happy', 'happy'],
    [arrayOf(scalar('int8')), '{1,NULL,3}', [1n, null, 3n]],
    [arrayOf(scalar('text')), '{}', []],
    [arrayOf(scalar('text')), '{"a, \\"b\\"","NULL",NULL,c}', ['a, "b"', 'NULL', null, 'c']],
    [arrayOf(scalar('bool')), null, null],
  ]
  const columns = table.map(([shape], i) => ({ name: `c${i}`, shape }))
  const { rows } = await written(columns, [table.map(([, text]) => text)])
  for (const [i, [shape, text, value]] of table.entries()) {
    const found = rows[0]?.[`c${i}`] ?? null
    const plain = found instanceof Uint8Array && !(value instanceof Uint8Array) ? Buffer.from(found).toString() : found
    assert.deepEqual(
      plain instanceof Uint8Array ? Uint8Array.from(plain) : plain,
      value,
      `${JSON.stringify(shape)} ${text}`,
    )
  }
})

test('a file of many rows has several row groups, and all rows in their order, with each compression', async () => {
  const columns = [
    { name: 'id', shape: scalar('int8') },
    { name: 'text', shape: scalar('text') },
  ]
  const count = 20_000
  for (const compression of [undefined, 'gzip', 'zstd'] as const) {
    const all = Array.from({ length: count }, (_, i) => [String(i), i % 7 === 0 ? null : `${i} `.repeat(150)])
    const { rows, file } = await written(columns, all, compression)
    const metadata = parquetMetadata(file)
    assert.ok(metadata.row_groups.length > 1)
    assert.equal(Number(metadata.num_rows), count)
    assert.deepEqual(
      rows.map(({ id }) => Number(id)),
      all.map((_, i) => i),
    )
    assert.deepEqual(rows[8]?.['text'], all[8]?.[1])
    assert.equal(rows[7]?.['text'] ?? null, null)
    assert.deepEqual(
      parquetSchema(metadata).children.map(({ element }) => [element.name, element.repetition_type]),
      [
        ['id', 'OPTIONAL'],
        ['text', 'OPTIONAL'],
      ],
    )
  }
})

test('columns with few and with many different values come back, also where most are NULL', async () => {
  const columns = [
    ['one', scalar('text')],
    ['few', scalar('text')],
    ['many', scalar('text')],
    ['late', scalar('text')],
    ['rare', scalar('text')],
    ['none', scalar('text')],
    ['small', scalar('int4')],
    ['large', scalar('int8')],
    ['half', scalar('float8')],
    ['yes', scalar('bool')],
    ['u', scalar('uuid')],
    ['raw', scalar('bytea')],
    ['words', arrayOf(scalar('text'))],
    ['numbers', arrayOf(scalar('int8'))],
  ] as const
  const count = 5003
  const rows = Array.from({ length: count }, (_, i) => [
    'same',
    `é ${i % 13}`,
    `value ${i}`,
    // Only after a while it is seen that there are many.
    i < 2000 ? 'early' : `late ${i}`,
    i % 1000 === 17 ? `rare ${i}` : null,
    null,
    String(((i * 7919) % 1000) - 500),
    i % 3 === 0 ? String(2n ** 62n + BigInt(i)) : String((i - 2500) * 2 ** 31),
    i % 5 === 0 ? null : String(i / 7),
    i % 3 === 0 ? 't' : 'f',
    `33333333-3333-4400-8000-${i.toString(16).padStart(12, '0')}`,
    `\\x${i.toString(16).padStart(8, '0')}`,
    i % 4 === 0 ? null : `{${Array.from({ length: i % 4 }, (_each, n) => (n === 1 ? 'NULL' : `w${i % 3}`)).join()}}`,
    i % 4 === 0 ? '{}' : `{${i},NULL,-${i}}`,
  ])
  const { rows: found } = await written(
    columns.map(([name, shape]) => ({ name, shape })),
    rows,
  )
  assert.equal(found.length, count)
  for (const [i, row] of rows.entries()) {
    const plain = (value: unknown): unknown =>
      value === undefined || value === null
        ? null
        : Array.isArray(value)
          ? value.map(plain)
          : value instanceof Uint8Array
            ? Buffer.from(value).toString(found[i] !== undefined && value === found[i]?.['raw'] ? 'hex' : 'utf8')
            : value
    const list = (text: string | null | undefined): unknown =>
      text === null || text === undefined ? null : parseArray(text, ',')
    assert.deepEqual(
      columns.map(([name]) => plain(found[i]?.[name])),
      [
        ...row.slice(0, 6),
        Number(row[6]),
        BigInt(row[7] ?? ''),
        row[8] === null ? null : Number(row[8]),
        row[9] === 't',
        row[10],
        row[11]?.slice(2),
        list(row[12]),
        (list(row[13]) as (string | null)[]).map((text) => (text === null ? null : BigInt(text))),
      ],
      `row ${i}`,
    )
  }
})

test('a column of few different values takes little room, and each says its bounds', async () => {
  const columns = [
    { name: 'event', shape: scalar('text') },
    { name: 'id', shape: scalar('int8') },
  ]
  const rows = Array.from({ length: 10_000 }, (_, i) => [i % 10 === 0 ? 'deleted' : 'created', String(i - 5)])
  const { file } = await written(columns, rows)
  const [event, id] = parquetMetadata(file).row_groups[0]?.columns.map(({ meta_data }) => meta_data) ?? []
  assert.ok(Number(event?.total_compressed_size) < 2000, `${event?.total_compressed_size} bytes`)
  assert.deepEqual([event?.statistics?.min_value, event?.statistics?.max_value], ['created', 'deleted'])
  assert.deepEqual([id?.statistics?.min_value, id?.statistics?.max_value], [-5n, 9994n])
  assert.equal(id?.statistics?.null_count, 0n)
})

const composite = (
  fields: Readonly<Record<string, TypeShape>>,
  former?: readonly (readonly CompositeField[])[],
): TypeShape => ({
  tag: 'composite',
  fields: Object.entries(fields).map(([name, shape]) => ({ name, shape })),
  former,
})

/** What a reader finds, with texts as such and missing values as null. */
function plain(value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, its]) => [name, plain(its)]))
}

test('composite values are groups of their attributes, also in arrays and in each other, with arrays in them', async () => {
  const point = composite({ x: scalar('int4'), label: scalar('text') })
  const line = composite({ from: point, tags: arrayOf(scalar('text')), raw: scalar('bool') })
  const columns = [
    { name: 'id', shape: scalar('int8') },
    { name: 'point', shape: point },
    { name: 'points', shape: arrayOf(point) },
    { name: 'line', shape: line },
    { name: 'lines', shape: arrayOf(line) },
  ]
  const rows: readonly (readonly [texts: readonly (string | null)[], values: readonly unknown[]])[] = [
    [
      ['1', '(1,"a ""b"" \\\\ c")', '{"(1,a)",NULL,"(,)"}', '("(2,)","{p,NULL}",t)', '{"(\\"(3,q)\\",{},f)","(,,)"}'],
      [
        1n,
        { x: 1, label: 'a "b" \\ c' },
        [{ x: 1, label: 'a' }, null, { x: null, label: null }],
        { from: { x: 2, label: null }, tags: ['p', null], raw: true },
        [
          { from: { x: 3, label: 'q' }, tags: [], raw: false },
          { from: null, tags: null, raw: null },
        ],
      ],
    ],
    [
      ['2', null, null, null, null],
      [2n, null, null, null, null],
    ],
    [
      ['3', '(,"")', '{}', '(,,)', '{}'],
      [3n, { x: null, label: '' }, [], { from: null, tags: null, raw: null }, []],
    ],
  ]
  const many = Array.from({ length: 1000 }, (_, i) => rows[i % rows.length] ?? assert.fail())
  for (const compression of [undefined, 'zstd'] as const) {
    const { rows: found, file } = await written(
      columns,
      many.map(([texts]) => texts),
      compression,
    )
    assert.deepEqual(
      found.map((row) => columns.map(({ name }) => plain(row[name]))),
      many.map(([, values]) => values),
    )
    assert.equal(Number(parquetMetadata(file).num_rows), many.length)
  }
})

test('a value of a composite type that was changed has the attributes that the type has now', async () => {
  const field = (name: string, shape: TypeShape): CompositeField => ({ name, shape })
  const former = [[field('a', scalar('int4')), field('gone', scalar('text')), field('b', scalar('int4'))], []]
  const columns = [{ name: 'v', shape: composite({ b: scalar('text'), a: scalar('int4') }, former) }]
  const { rows } = await written(columns, [['(x,1)'], ['(2,y,3)'], ['()']])
  assert.deepEqual(
    rows.map((row) => plain(row['v'])),
    [
      { b: 'x', a: 1 },
      // Its b was a number.
      { b: null, a: 2 },
      { b: null, a: null },
    ],
  )
  await assert.rejects(written(columns, [['(1,2,3,4)']]), { code: 'FEED_ROW', message: /has 4 fields.* known with 2/ })
  await assert.rejects(written(columns, [['1,2']]), { code: 'FEED_ROW', message: /does not parse/ })
  const nothing = await written([{ name: 'v', shape: composite({}) }], [['()'], [null]])
  assert.deepEqual(
    nothing.rows.map((row) => plain(row['v'])),
    ['()', null],
  )
})

test('an array with bounds is read, one of several dimensions is refused with what to do', () => {
  assert.deepEqual(parseArray('[2:3]={a,b}', ','), ['a', 'b'])
  assert.deepEqual(parseArray('{(1,2);(3,4)}', ';'), ['(1,2)', '(3,4)'])
  assert.throws(() => parseArray('{{1},{2}}', ','), { code: 'FEED_ROW' })
  for (const text of ['', '{', '{a', '{"a', '{a"b', '{"a"b}'])
    assert.throws(() => parseArray(text, ','), { code: 'FEED_ROW' })
})
