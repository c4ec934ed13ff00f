import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RelationSchema } from '../core/relation.ts'
import { kind, RowView } from '../core/row-view.ts'
import { readCopyLine } from './copy-text.ts'

const relationOf = (columns: number): RelationSchema => ({
  relid: 7,
  description: { relid: 7, database: 'd', schema: 'public', name: 't', columns: [], primaryKey: [], identity: 'd' },
  columns: Array.from({ length: columns }, (_, i) => ({ name: `c${i}`, shape: { tag: 'scalar', name: 'text' } })),
  keyIndexes: [0],
  keyId: 1,
})

function read(line: Buffer, columns: number): (string | null)[] {
  const view = new RowView()
  const before = Buffer.from('a\tb\\n\n')
  const bytes = Buffer.concat([before, line, Buffer.from('c\\t\n')])
  const end = before.length + line.length
  readCopyLine(bytes, before.length, end, relationOf(columns), view)
  assert.equal(bytes.toString('latin1', 0, before.length), before.toString('latin1'), 'bytes in front are as they were')
  assert.equal(bytes.toString('latin1', end), 'c\\t\n', 'bytes behind are as they were')
  assert.equal(view.count, columns)
  return Array.from({ length: columns }, (_, i) =>
    view.kinds[i] === kind.null ? null : bytes.toString('utf8', view.starts[i], view.ends[i]),
  )
}

const cases: readonly (readonly [line: string, values: readonly (string | null)[]])[] = [
  ['1\tone\n', ['1', 'one']],
  ['1\tone', ['1', 'one']],
  ['\n', ['']],
  ['', ['']],
  ['\t\n', ['', '']],
  ['\\N\n', [null]],
  ['\\N\t\\N\tx\n', [null, null, 'x']],
  ['x\t\\N', ['x', null]],
  ['N\t\\\\N\t\\\\\\\\N\n', ['N', '\\N', '\\\\N']],
  ['a\\Nb\n', ['aNb']],
  ['\\Nb\n', ['Nb']],
  ['\\b\\f\\n\\r\\t\\v\\\\\n', ['\b\f\n\r\t\v\\']],
  ['a\\tb\tc\\nd\n', ['a\tb', 'c\nd']],
  ['\\"\tü\\tß\n', ['"', 'ü\tß']],
  ['ends in one\\\\\n', ['ends in one\\']],
]

test('a line gives its values, unescaped where they stand', () => {
  for (const [line, values] of cases) assert.deepEqual(read(Buffer.from(line), values.length), values, line)
})

test('a line with more or fewer values than the table has columns is an error', () => {
  for (const [line, values] of cases) {
    for (const columns of [values.length - 1, values.length + 1]) {
      if (columns === 0 && line.trim() === '') continue
      assert.throws(() => read(Buffer.from(line), columns), { code: 'FEED_PROTOCOL' }, `${line} as ${columns}`)
    }
  }
})

test('a backslash with nothing behind it is an error', () => {
  assert.throws(() => read(Buffer.from('a\\\n'), 1), { code: 'FEED_PROTOCOL' })
  assert.throws(() => read(Buffer.from('\\'), 1), { code: 'FEED_PROTOCOL' })
})

test('a table without columns has empty lines', () => {
  assert.deepEqual(read(Buffer.from('\n'), 0), [])
})

test('what is escaped as the server does reads back as itself', () => {
  const letters: Readonly<Record<string, string>> = {
    '\b': 'b',
    '\f': 'f',
    '\n': 'n',
    '\r': 'r',
    '\t': 't',
    '\v': 'v',
    '\\': '\\',
  }
  const alphabet = ['N', 'n', '\\', '\t', '\n', '\r', '\b', '\f', '\v', 'a', 'é', '😀', '\u0001', ' ']
  let state = 7
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) % below
  }
  for (let round = 0; round < 5000; round++) {
    const values = Array.from({ length: 1 + random(5) }, () => {
      if (random(6) === 0) return null
      return Array.from({ length: random(6) }, () => alphabet[random(alphabet.length)]).join('')
    })
    const escaped = values.map((value) => value?.replace(/[\b\f\n\r\t\v\\]/g, (c) => `\\${letters[c]}`) ?? '\\N')
    assert.deepEqual(read(Buffer.from(`${escaped.join('\t')}\n`), values.length), values)
  }
})
