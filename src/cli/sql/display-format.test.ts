import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resultWriter, type DisplayFormat } from './display-format.ts'
import type { Fields, ResultColumn } from './result-writer.ts'

const text = 25
const int8 = 20
const bytea = 17

function print(format: DisplayFormat, columns: readonly ResultColumn[], rows: readonly Fields[]): string {
  const writer = resultWriter(format, columns)
  return writer.head() + rows.map((row) => writer.row(row)).join('') + writer.end()
}

const hex = (value: string | Buffer): string => `\\x${Buffer.from(value).toString('hex')}`

const feed: readonly ResultColumn[] = [
  { name: 'table', typeOid: text },
  { name: 'key', typeOid: bytea },
  { name: 'value', typeOid: bytea },
]

test('a core changefeed prints in CSV as CockroachDB prints it', () => {
  const rows = [
    ['foo', hex('[0]'), hex('{"after": {"a": 0}}')],
    [null, null, hex('{"resolved":"1590611959605806000.0000000000"}')],
  ]
  assert.equal(
    print('csv', feed, rows),
    'table,key,value\n' +
      'foo,[0],"{""after"": {""a"": 0}}"\n' +
      'NULL,NULL,"{""resolved"":""1590611959605806000.0000000000""}"\n',
  )
})

test('bytes that are no text print with octal escapes, readable ones unchanged', () => {
  const avro = Buffer.from([0, 0, 0, 0, 1, 2, 0x5c])
  const rows = [['bar', hex(avro), hex('{"a": "é\\n"}')]]
  assert.equal(
    print('csv', feed, rows),
    'table,key,value\nbar,\\000\\000\\000\\000\\001\\002\\\\,"{""a"": ""é\\n""}"\n',
  )
})

test('NDJSON has a line a row, members by name, values as text', () => {
  assert.equal(
    print('ndjson', feed, [
      ['users', hex('["seattle"]'), hex('')],
      [null, null, hex('{}')],
    ]),
    '{"key":"[\\"seattle\\"]","table":"users","value":""}\n{"key":null,"table":null,"value":"{}"}\n',
  )
})

test('TSV quotes what holds a tab, CSV what holds a comma, both what begins with a blank', () => {
  const columns = [
    { name: 'a', typeOid: text },
    { name: 'b', typeOid: text },
  ]
  assert.equal(print('tsv', columns, [['x,y', 'x\ty']]), 'a\tb\nx,y\t"x\ty"\n')
  assert.equal(print('csv', columns, [['x\ty', ' z']]), 'a,b\nx\ty," z"\n')
  assert.equal(print('csv', columns, [['two\nlines', '']]), 'a,b\n"two\nlines",\n')
})

test('a table centres its names and puts numbers right', () => {
  assert.equal(
    print('table', [{ name: 'job_id', typeOid: int8 }], [['360645287206223873']]),
    '        job_id       \n+--------------------+\n  360645287206223873\n(1 row)\n',
  )
  assert.equal(
    print(
      'table',
      [
        { name: 'id', typeOid: int8 },
        { name: 'name', typeOid: text },
      ],
      [
        ['1', 'Petee'],
        ['20', null],
        ['3', '犬\nCarl'],
      ],
    ),
    '  id |  name \n+----+-------+\n   1 | Petee\n  20 | NULL\n   3 | 犬\n     | Carl\n(3 rows)\n',
  )
  assert.equal(print('table', [{ name: 'a', typeOid: text }], []), '  a \n+---+\n(0 rows)\n')
})

test('a table that is wider than the terminal prints as records, so that every name is read beside its value', () => {
  const columns = [
    { name: 'job_id', typeOid: int8 },
    { name: 'description', typeOid: text },
  ]
  const writer = resultWriter('table', columns, 40)
  const rows = [['1', 'a description that is longer than the terminal is wide']]
  const printed = writer.head() + rows.map((row) => writer.row(row)).join('') + writer.end()
  assert.equal(
    printed,
    '-[ RECORD 1 ]\njob_id      | 1\ndescription | a description that is longer than the terminal is wide\n(1 row)\n',
  )
  assert.equal(print('records', columns, rows), printed)
})
