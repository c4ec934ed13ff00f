import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { TypeShape } from '../../core/table.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { ValueWriters } from './value-writer.ts'

type Case = readonly [type: string | TypeShape, text: string, json: string]

function shapeOf(type: string | TypeShape): TypeShape {
  if (typeof type !== 'string') return type
  if (type.endsWith('[]')) return { tag: 'array', element: shapeOf(type.slice(0, -2)), delimiter: ',' }
  return { tag: 'scalar', name: type }
}

const values = new ValueWriters()

/** The value is encoded from the middle of a buffer, so that reading too far is noticed. */
function encoded(type: string | TypeShape, text: string | Buffer): string {
  const bytes = Buffer.concat([Buffer.from('{"[1'), Buffer.from(text), Buffer.from('9e9"]}')])
  const out = new ByteWriter(1)
  values.of(shapeOf(type))(bytes, 4, bytes.length - 6, out)
  return out.view().toString()
}

const pair: TypeShape = {
  tag: 'composite',
  fields: [
    { name: 'b', shape: { tag: 'scalar', name: 'text' } },
    { name: 'a', shape: { tag: 'scalar', name: 'int4' } },
  ],
}
const nested: TypeShape = {
  tag: 'composite',
  fields: [
    { name: 'pairs', shape: { tag: 'array', element: pair, delimiter: ',' } },
    { name: 'one', shape: pair },
    { name: 'ok', shape: { tag: 'scalar', name: 'bool' } },
  ],
}
const one: TypeShape = { tag: 'composite', fields: [{ name: 'é"', shape: { tag: 'scalar', name: 'text' } }] }
const boxes: TypeShape = { tag: 'array', element: { tag: 'scalar', name: 'box' }, delimiter: ';' }

const cases: readonly Case[] = [
  ['int2', '-32768', '-32768'],
  ['int8', '9223372036854775807', '9223372036854775807'],

  ['float8', '0', '0'],
  ['float8', '-0', '-0'],
  ['float8', '7', '7'],
  ['float8', '10', '1E+1'],
  ['float8', '-20', '-2E+1'],
  ['float8', '100000', '1E+5'],
  ['float8', '123000', '1.23E+5'],
  ['float8', '101', '101'],
  ['float8', '15.75', '15.75'],
  ['float8', '0.1', '0.1'],
  ['float8', '0.0001', '0.0001'],
  ['float8', '1e-05', '0.00001'],
  ['float8', '1.5e-06', '0.0000015'],
  ['float8', '1e-07', '1E-7'],
  ['float8', '-1.25e-07', '-1.25E-7'],
  ['float8', '1e+20', '1E+20'],
  ['float8', '1.2345678901234568e+17', '1.2345678901234568E+17'],
  ['float8', '1.7976931348623157e+308', '1.7976931348623157E+308'],
  ['float8', '5e-324', '5E-324'],
  ['float4', '3.4028235e+38', '3.4028235E+38'],
  ['float4', '1e+15', '1E+15'],
  ['float8', 'NaN', '"NaN"'],
  ['float8', 'Infinity', '"Infinity"'],
  ['float4', '-Infinity', '"-Infinity"'],

  ['numeric', '1.20', '1.20'],
  ['numeric', '2.500', '2.500'],
  ['numeric', '53.00', '53.00'],
  ['numeric', '100000', '100000'],
  ['numeric', '-0.5', '-0.5'],
  ['numeric', '0', '0'],
  ['numeric', '0.00', '0.00'],
  ['numeric', '0.000000000', '0.000000000'],
  ['numeric', '0.000001', '0.000001'],
  ['numeric', '0.00000120', '0.00000120'],
  ['numeric', '0.0000001', '1E-7'],
  ['numeric', '0.00000010', '1.0E-7'],
  ['numeric', '-0.000000001234', '-1.234E-9'],
  ['numeric', `${'9'.repeat(200)}.${'0'.repeat(100)}`, `${'9'.repeat(200)}.${'0'.repeat(100)}`],
  ['numeric', `0.${'0'.repeat(150)}12`, '1.2E-151'],
  ['numeric', 'NaN', '"NaN"'],
  ['numeric', '-Infinity', '"-Infinity"'],

  ['bool', 't', 'true'],
  ['bool', 'f', 'false'],

  ['text', '', '""'],
  ['text', 'plain', '"plain"'],
  ['text', '<a href="x">&amp;</a>/', '"<a href=\\"x\\">&amp;</a>/"'],
  ['text', '\\ \n \r \t', '"\\\\ \\n \\r \\t"'],
  ['text', '\b\f\v\u0001\u001f\u007f', '"\\u0008\\u000c\\u000b\\u0001\\u001f\u007f"'],
  ['text', 'é ☃ 😀 \u2028', '"é ☃ 😀 \u2028"'],
  ['varchar', 'NULL', '"NULL"'],
  ['bpchar', 'ab  ', '"ab  "'],
  ['name', 'n', '"n"'],
  ['public.citext', 'Text', '"Text"'],
  ['bytea', '\\x666f6f', '"\\\\x666f6f"'],
  ['bytea', '\\x', '"\\\\x"'],

  ['date', '2018-01-02', '"2018-01-02"'],
  ['date', 'infinity', '"infinity"'],
  ['date', '-infinity', '"-infinity"'],
  ['date', '0044-03-15 BC', '"0044-03-15 BC"'],
  ['time', '03:04:05.123456', '"03:04:05.123456"'],
  ['time', '24:00:00', '"24:00:00"'],
  ['timetz', '03:04:05.123456+05:30', '"03:04:05.123456+05:30"'],
  ['timestamp', '2006-01-02 15:04:05.999999', '"2006-01-02T15:04:05.999999"'],
  ['timestamp', '2019-01-02 03:04:05', '"2019-01-02T03:04:05"'],
  ['timestamp', 'infinity', '"infinity"'],
  ['timestamp', '0044-03-15 12:00:00 BC', '"0044-03-15T12:00:00 BC"'],
  ['timestamptz', '2006-01-02 15:04:05.999999+00', '"2006-01-02T15:04:05.999999Z"'],
  ['timestamptz', '2025-05-09 21:20:29.203923+00', '"2025-05-09T21:20:29.203923Z"'],
  ['timestamptz', '10000-01-01 00:00:00+00', '"10000-01-01T00:00:00Z"'],
  ['timestamptz', '0044-03-15 12:00:00+00 BC', '"0044-03-15T12:00:00Z BC"'],
  ['timestamptz', '-infinity', '"-infinity"'],
  ['timestamptz', '2006-01-02 15:04:05+00:30', '"2006-01-02T15:04:05+00:30"'],
  ['interval', '1 year 2 mons 3 days 04:05:06', '"1 year 2 mons 3 days 04:05:06"'],
  ['interval', '-00:00:00.006', '"-00:00:00.006"'],

  ['uuid', '27f4f4c9-e35a-45dd-9b79-5ff0f9b5fbb0', '"27f4f4c9-e35a-45dd-9b79-5ff0f9b5fbb0"'],
  ['inet', '190.0.0.0/24', '"190.0.0.0/24"'],
  ['bit', '010', '"010"'],
  ['varbit', '', '""'],
  ['oid', '26', '"26"'],
  ['pg_lsn', 'A/0', '"A/0"'],
  ['tsvector', `'a':1 'b"':2`, `"'a':1 'b\\"':2"`],
  ['box', '(3,4),(1,2)', '"(3,4),(1,2)"'],
  ['money', '$1.50', '"$1.50"'],
  ['constructor', 'x', '"x"'],
  [{ tag: 'enum' }, 'it "is" open', '"it \\"is\\" open"'],
  [{ tag: 'range' }, '["a","b\\\\")', '"[\\"a\\",\\"b\\\\\\\\\\")"'],

  ['jsonb', '1', '1'],
  ['jsonb', 'null', 'null'],
  ['jsonb', 'true', 'true'],
  ['jsonb', '"x"', '"x"'],
  ['jsonb', '{}', '{}'],
  ['jsonb', '[]', '[]'],
  ['json', ' { } ', '{}'],
  ['json', ' [ ] ', '[]'],
  ['jsonb', '{"b": 1, "aa": 2}', '{"aa": 2, "b": 1}'],
  ['jsonb', '{"a": 1, "b": 2}', '{"a": 1, "b": 2}'],
  [
    'jsonb',
    '{"z": {"y": 1, "bb": [1, {"d": 1, "cc": 2}]}, "aa": []}',
    '{"aa": [], "z": {"bb": [1, {"cc": 2, "d": 1}], "y": 1}}',
  ],
  ['json', '{"a":1,"b" : [ 1,2 ],"a":"last"}', '{"a": "last", "b": [1, 2]}'],
  ['json', '{"a":{"x":1,"x":2},"a":{"x":3,"x":4}}', '{"a": {"x": 4}}'],
  ['json', '{"a!":1,"a":2,"a\\"":3,"":4}', '{"": 4, "a": 2, "a!": 1, "a\\"": 3}'],
  ['json', '{"a!":1,"a\\n":2,"a\\u0000":3,"a\\t":4}', '{"a\\u0000": 3, "a\\t": 4, "a\\n": 2, "a!": 1}'],
  ['json', '{"é":1,"z":2,"\\u00e9":3}', '{"z": 2, "é": 3}'],
  ['json', '"\\/\\b\\f\\n\\r\\t\\"\\\\\\u0041\\u00e9\\u2603\\ud83d\\ude00"', '"/\\u0008\\u000c\\n\\r\\t\\"\\\\Aé☃😀"'],
  ['json', '"a\\ud83d b\\ude00 \\ud83d\\u0041"', '"a\\ufffd b\\ufffd \\ufffdA"'],
  [
    'json',
    '[1.50, -0, 1e5, 1E-7, 0.00000012, 12e-2, 0.000001, 1e400]',
    '[1.50, -0, 1E+5, 1E-7, 1.2E-7, 0.12, 0.000001, 1E+400]',
  ],
  ['json', '[0e5, 0e-3, 0e-99999999, 1e99999999999]', '[0E+5, 0.000, 0E-99999999, 1e99999999999]'],
  ['jsonb', '[1700000000, 12345678901234567890.123456789]', '[1700000000, 12345678901234567890.123456789]'],

  ['int4[]', '{}', '[]'],
  ['int4[]', '{1,NULL,-3}', '[1, null, -3]'],
  ['int4[]', '{{1,2},{3,NULL}}', '[[1, 2], [3, null]]'],
  ['int4[]', '[0:2]={1,2,3}', '[1, 2, 3]'],
  ['int4[]', '[-1:0][2:3]={{1,2},{3,4}}', '[[1, 2], [3, 4]]'],
  ['int4[]', '{1234}', '[1234]'],
  [
    'text[]',
    '{a,"b c","NULL",NULL,"","{","\\"\\\\",é,"a,b"}',
    '["a", "b c", "NULL", null, "", "{", "\\"\\\\", "é", "a,b"]',
  ],
  ['text[]', '{"a=b"}', '["a=b"]'],
  ['bool[]', '{t,f,NULL}', '[true, false, null]'],
  ['float8[]', '{10,NaN,1e-07}', '[1E+1, "NaN", 1E-7]'],
  ['numeric[]', '{1.20}', '[1.20]'],
  ['bytea[]', '{"\\\\x00ff"}', '["\\\\x00ff"]'],
  ['timestamptz[]', '{"2019-01-02 03:04:05+00"}', '["2019-01-02T03:04:05Z"]'],
  ['jsonb[]', '{"{\\"b\\": 1, \\"aa\\": \\"x\\\\\\\\y\\"}",null,NULL}', '[{"aa": "x\\\\y", "b": 1}, null, null]'],
  [boxes, '{(1,1),(0,0);(2,2),(1,1)}', '["(1,1),(0,0)", "(2,2),(1,1)"]'],
  ['int4[][]', '{"{1,2}","{3}"}', '[[1, 2], [3]]'],

  [pair, '(x,1)', '{"a": 1, "b": "x"}'],
  [pair, '(,)', '{"a": null, "b": null}'],
  [pair, '("",7)', '{"a": 7, "b": ""}'],
  [pair, '("a ""quoted"" \\\\ b, (c)",)', '{"a": null, "b": "a \\"quoted\\" \\\\ b, (c)"}'],
  [pair, '(NULL,2)', '{"a": 2, "b": "NULL"}'],
  [
    nested,
    '("{""(x,1)"",""(\\\\""a b\\\\"",)"",NULL}","(""y """" z"",2)",t)',
    '{"ok": true, "one": {"a": 2, "b": "y \\" z"}, "pairs": [{"a": 1, "b": "x"}, {"a": null, "b": "a b"}, null]}',
  ],
  [
    { tag: 'array', element: pair, delimiter: ',' },
    '{"(x,1)","(\\"a,b\\",)"}',
    '[{"a": 1, "b": "x"}, {"a": null, "b": "a,b"}]',
  ],
  [one, '(x)', '{"é\\"": "x"}'],
  [one, '()', '{"é\\"": null}'],
  [{ tag: 'composite', fields: [] }, '()', '{}'],
]

test('each type prints as specified', () => {
  for (const [type, text, json] of cases) {
    const name = `${typeof type === 'string' ? type : type.tag} ${text}`
    assert.equal(encoded(type, text), json, name)
    JSON.parse(json)
  }
})

test('bytes that are no UTF-8 become replacements, one each', () => {
  const cut = Buffer.from('é☃😀')
  assert.equal(encoded('text', Buffer.from([0x61, 0xff, 0x62, 0xc0, 0xaf])), '"a\\ufffdb\\ufffd\\ufffd"')
  assert.equal(encoded('text', Buffer.from([0xed, 0xa0, 0x80])), '"\\ufffd\\ufffd\\ufffd"')
  assert.equal(encoded('text', Buffer.from([0xf4, 0x90, 0x80, 0x80])), '"\\ufffd\\ufffd\\ufffd\\ufffd"')
  assert.equal(encoded('text', cut.subarray(0, 8)), '"é☃\\ufffd\\ufffd\\ufffd"')
  const long = Buffer.concat([Buffer.alloc(100, 0x61), Buffer.from([0xe2, 0x98]), Buffer.alloc(100, 0x62)])
  assert.equal(encoded('text', long), `"${'a'.repeat(100)}\\ufffd\\ufffd${'b'.repeat(100)}"`)
  assert.equal(encoded('jsonb', Buffer.from([0x22, 0xff, 0x22])), '"\\ufffd"')
})

test('json nested deeper than the stack of a recursive reader prints', () => {
  const depth = 30_000
  assert.equal(encoded('json', '['.repeat(depth) + ']'.repeat(depth)), '['.repeat(depth) + ']'.repeat(depth))
  const objects = '{"b":0,"a":'.repeat(2000) + '1' + '}'.repeat(2000)
  assert.equal(encoded('json', objects), '{"a": '.repeat(2000) + '1' + ', "b": 0}'.repeat(2000))
})

test('an object of many members in the order of jsonb prints in the order of bytes', () => {
  const names = Array.from({ length: 3000 }, (_, i) => `k${i * 7919}`)
  const text = `{${names.map((name, i) => `"${name}": ${i}`).join(', ')}}`
  const sorted = names.map((name, i) => [name, i] as const).sort(([a], [b]) => (a < b ? -1 : 1))
  assert.equal(encoded('jsonb', text), `{${sorted.map(([name, i]) => `"${name}": ${i}`).join(', ')}}`)
})

test('a structured value that is cut anywhere is an error', () => {
  const structured = cases.filter(([type, text]) => /[{[(]/.test(text[0] ?? '') && type !== 'box' && !isRange(type))
  assert.ok(structured.length > 30)
  for (const [type, text] of structured) {
    const bytes = Buffer.from(text.trim())
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => encoded(type, bytes.subarray(0, end)), { code: 'FEED_ROW' }, `${text} cut at ${end}`)
    }
  }
})

function isRange(type: string | TypeShape): boolean {
  return typeof type !== 'string' && type.tag === 'range'
}

let state = 99
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return (state >>> 4) % below
}

const alphabet = [
  'a',
  'B',
  '"',
  '\\',
  '\n',
  '\t',
  '\u0000',
  '\u001f',
  '\b',
  '/',
  '<',
  'é',
  '☃',
  '😀',
  ' ',
  ',',
  '{',
  '}',
  '(',
  ')',
  "'",
]

function randomText(most: number): string {
  return Array.from({ length: random(most) }, () => alphabet[random(alphabet.length)]).join('')
}

function randomJson(depth: number): unknown {
  const pick = random(depth > 3 ? 5 : 7)
  if (pick === 0) return null
  if (pick === 1) return random(2) === 0
  if (pick === 2) return random(1_000_000) - 500_000
  if (pick === 3) return (random(1_000_000) - 500_000) / 10 ** random(12)
  if (pick === 4) return randomText(6)
  if (pick === 5) return Array.from({ length: random(5) }, () => randomJson(depth + 1))
  return Object.fromEntries(Array.from({ length: random(30) }, () => [randomName(), randomJson(depth + 1)]))
}

/** No name is one escaped character: JSON.parse of V8 14.6 sometimes reads the name of `{"\\b": 6}` as a backslash. */
function randomName(): string {
  const name = randomText(4)
  return name.length === 1 && JSON.stringify(name).length > 3 ? `${name}a` : name
}

test('a damaged structured value is an error or another value, and always ends', () => {
  for (let round = 0; round < 20_000; round++) {
    const [type, text] = cases[random(cases.length)] as Case
    if (typeof type === 'string' && !/\[\]|json/.test(type)) continue
    const bytes = Buffer.from(text)
    for (let i = random(3); i >= 0; i--) bytes[random(bytes.length)] = random(256)
    try {
      encoded(type, bytes)
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'FEED_ROW', `round ${round}: ${text}`)
    }
  }
})

test('JSON of any text gives the text back', () => {
  for (let round = 0; round < 5000; round++) {
    const text = randomText(round % 10 === 0 ? 300 : 12)
    assert.equal(JSON.parse(encoded('text', text)), text)
  }
})

test('JSON of any json gives the value back, members sorted at every level', () => {
  const assertSorted = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return
    const names = Object.keys(value)
    // A JavaScript object has names that are whole numbers first, so the alphabet has no digits.
    if (!Array.isArray(value)) {
      assert.deepEqual(
        names,
        names.toSorted((a, b) => Buffer.from(a).compare(Buffer.from(b))),
      )
    }
    for (const member of Object.values(value)) assertSorted(member)
  }
  for (let round = 0; round < 2000; round++) {
    const value = randomJson(0)
    const printed = JSON.parse(encoded('json', JSON.stringify(value, undefined, random(3)))) as unknown
    assert.deepEqual(printed, value)
    assertSorted(printed)
  }
})

test('JSON of an array or a composite gives the elements back', () => {
  const quoteElement = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
  const quoteField = (text: string): string => `"${text.replace(/["\\]/g, '$&$&')}"`
  for (let round = 0; round < 2000; round++) {
    const texts = Array.from({ length: 1 + random(4) }, () => (random(5) === 0 ? null : randomText(8)))
    const array = `{${texts.map((text) => (text === null ? 'NULL' : quoteElement(text))).join(',')}}`
    assert.deepEqual(JSON.parse(encoded('text[]', array)), texts)
    const shape: TypeShape = {
      tag: 'composite',
      fields: texts.map((_, i) => ({ name: `f${i}`, shape: { tag: 'scalar', name: 'text' } })),
    }
    const composite = `(${texts.map((text) => (text === null ? '' : quoteField(text))).join(',')})`
    assert.deepEqual(JSON.parse(encoded(shape, composite)), Object.fromEntries(texts.map((text, i) => [`f${i}`, text])))
  }
})

test('numbers keep their value', () => {
  const floats = new Float64Array(1)
  const words = new Uint32Array(floats.buffer)
  for (let round = 0; round < 20_000; round++) {
    words[0] = random(2 ** 28) * 16 + random(16)
    words[1] = random(2 ** 28) * 16 + random(16)
    const value = round % 2 === 0 ? (floats[0] as number) : (random(2 ** 28) - 2 ** 27) * 10 ** (random(30) - 15)
    if (!Number.isFinite(value)) continue
    const text = String(value)
    assert.equal(Number(encoded('float8', text)), value)
    assert.equal(Number(encoded('json', text)), value)
    if (!/e/.test(text)) assert.equal(Number(encoded('numeric', text)), value)
  }
})

test('a composite value with other fields than its type is refused, also inside arrays and composites', () => {
  const array: TypeShape = { tag: 'array', element: pair, delimiter: ',' }
  for (const [type, text] of [
    [pair, '(x)'],
    [pair, '(x,1,2)'],
    [pair, '()'],
    [array, '{"(x,1)","(x,1,2)"}'],
    [nested, '("{""(x,1)""}","(x)",t)'],
    [{ tag: 'composite', fields: [] }, '(1)'],
  ] as const) {
    assert.throws(
      () => encoded(type, text),
      (error) => error instanceof FeedError && !error.retry && /composite value has \d+ fields/.test(error.message),
      text,
    )
  }
})
