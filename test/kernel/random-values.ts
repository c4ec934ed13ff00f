// Texts of values by their type: what PostgreSQL prints, what it never prints, and bytes that are no text.

import { ByteWriter } from '../../src/bytes/byte-writer.ts'
import type { TypeShape } from '../../src/core/table.ts'
import { ValueWriters } from '../../src/encode/json/value-writer.ts'
import type { Chance } from './chance.ts'

type Make = (random: Chance) => string

const digits = (random: Chance, most: number): string =>
  Array.from({ length: 1 + random.below(most) }, () => String(random.below(10))).join('')
const sign: Make = (random) => random.pick(['', '-'])
const often = (random: Chance, ...values: readonly string[]): string => random.pick(values)

const decimal: Make = (random) =>
  random.pick<Make>([
    (r) => `${sign(r)}${digits(r, 12)}`,
    (r) => `${sign(r)}${digits(r, 6)}.${digits(r, 20)}`,
    (r) => `${sign(r)}0.${'0'.repeat(r.below(12))}${digits(r, 4)}`,
    (r) => `${sign(r)}${digits(r, 3)}${'0'.repeat(r.below(8))}`,
    (r) => often(r, '0', '-0', '0.000', '0.0000000', '00', 'NaN', 'Infinity', '-Infinity', '-', '.', '1.', '1.2.3'),
    (r) => digits(r, 6000),
  ])(random)

const float: Make = (random) =>
  random.pick<Make>([
    decimal,
    (r) => `${sign(r)}${1 + r.below(9)}.${digits(r, 15)}e${r.pick(['+', '-', ''])}${digits(r, 2)}`,
    (r) =>
      `${1 + r.below(9)}e${r.pick(['-05', '-06', '-07', '+20', '-324', '+1000000000', '+1000000001', '', '+', 'x'])}`,
  ])(random)

const parts = [
  'a',
  'Z',
  ' ',
  '"',
  '\\',
  '\n',
  '\r',
  '\t',
  '\b',
  '\u0001',
  '\u001f',
  '\u007f',
  'é',
  '€',
  '😀',
  'ж',
  '<',
  '\0',
]
const text: Make = (random) =>
  random.pick<Make>([
    () => '',
    (r) => `name ${r.below(1e6)}`,
    (r) => Array.from({ length: r.below(40) }, () => r.pick(parts)).join(''),
    (r) => 'plain ascii of some length, '.repeat(r.below(8)),
    (r) => 'текст на русском '.repeat(r.below(6)),
    (r) => r.pick(parts).repeat(r.below(r.below(50) === 0 ? 30_000 : 70)),
  ])(random)

const moment: Make = (random) => {
  const two = (most: number): string => String(1 + random.below(most)).padStart(2, '0')
  const fraction = random.pick(['', `.${digits(random, 6)}`])
  return `20${two(99)}-${two(12)}-${two(28)} ${two(23)}:${two(59)}:${two(59)}${fraction}`
}
const timestamp: Make = (random) =>
  random.pick<Make>([
    moment,
    moment,
    (r) => `${moment(r)} BC`,
    (r) => often(r, 'infinity', '-infinity', '', ' ', 'x y z'),
  ])(random)
const timestamptz: Make = (random) =>
  random.pick<Make>([
    (r) => `${moment(r)}+00`,
    (r) => `${moment(r)}+00 BC`,
    (r) => `${moment(r)}${r.pick(['+00:30', '+01', '-05', '+0', '+', '+00x'])}`,
    timestamp,
  ])(random)

const jsonText: Make = (random) => {
  const escapes = [
    '\\n',
    '\\"',
    '\\\\',
    '\\/',
    '\\b',
    '\\u0041',
    '\\u00e9',
    '\\ud83d\\ude00',
    '\\ud83d',
    '\\udc00',
    '\\u000a',
    '\\x',
    '\\u12',
  ]
  const count = random.below(random.below(20) === 0 ? 200 : 6)
  const broken = random.below(100) === 0
  const one = (): string =>
    random.below(6) === 0
      ? random.pick(broken ? escapes : escapes.slice(0, -2))
      : random.pick(['a', 'b', 'key', 'é', '😀', ' ', ','])
  return `"${Array.from({ length: count }, one).join('')}"`
}
function json(random: Chance, depth = 0): string {
  const blank = random.pick(['', '', ' ', '\n'])
  const nested = depth < 5 && random.below(3) > 0
  if (!nested)
    return `${blank}${random.pick([jsonText, float, () => often(random, 'true', 'false', 'null', '0e-30', 'nul')])(random)}${blank}`
  const items = random.below(random.below(60) === 0 ? 200 : 5)
  if (random.below(2) === 0)
    return `[${Array.from({ length: items }, () => json(random, items > 5 ? 5 : depth + 1)).join(random.pick([',', ', ']))}]`
  const member = (): string => `${jsonText(random)}:${blank}${json(random, items > 5 ? 5 : depth + 1)}`
  return `{${Array.from({ length: items }, member).join(random.pick([',', ', ']))}}`
}
const document: Make = (random) =>
  random.pick<Make>([
    (r) => json(r),
    (r) => json(r),
    (r) => `{"b": ${r.below(1000)}, "aa": {"x": [1, 2, 3], "y": "text"}, "ccc": null}`,
    (r) =>
      often(r, 'null', ' null ', '', '{', '[1,]', '{"a"}', '"a', '{"a":1}}', '[', `${'['.repeat(80)}${']'.repeat(80)}`),
  ])(random)

const scalars: Readonly<Record<string, Make>> = {
  int2: (r) => `${sign(r)}${digits(r, 4)}`,
  int4: (r) => `${sign(r)}${digits(r, 9)}`,
  int8: (r) => `${sign(r)}${digits(r, 18)}`,
  float4: float,
  float8: float,
  numeric: decimal,
  bool: (r) => often(r, 't', 'f', 't', 'f', ''),
  bytea: (r) => `\\x${digits(r, 40)}`,
  timestamp,
  timestamptz,
  date: (r) => often(r, '2024-01-02', 'infinity', '0044-03-15 BC'),
  time: () => '03:04:05.123456',
  interval: () => '1 year 2 mons 3 days 04:05:06',
  uuid: (r) => `27f4f4c9-e35a-45dd-9b79-5ff0${digits(r, 8)}`,
  inet: () => '190.0.0.0/24',
  varbit: () => '010',
  text,
  varchar: text,
  'public.citext': text,
  json: document,
  jsonb: document,
}

function shapeOfScalar(random: Chance): TypeShape {
  if (random.below(12) === 0) return { tag: random.pick(['enum', 'range']) }
  return { tag: 'scalar', name: random.pick(Object.keys(scalars)) }
}

export function randomShape(random: Chance): TypeShape {
  if (random.below(12) === 0) return shapeOfComposite(random)
  if (random.below(5) > 0) return shapeOfScalar(random)
  const element = random.below(8) > 0 ? shapeOfScalar(random) : shapeOfComposite(random)
  return { tag: 'array', element, delimiter: random.pick([',', ',', ';']) }
}

/** Sometimes the type had other attributes before. */
function shapeOfComposite(random: Chance, depth = 0): TypeShape {
  const field = (name: string): { name: string; shape: TypeShape } => {
    if (depth < 2 && random.below(6) === 0) return { name, shape: shapeOfComposite(random, depth + 1) }
    return { name, shape: shapeOfScalar(random) }
  }
  const names = ['b', 'a', 'é"', 'the name of an attribute that is longer than its values'].slice(0, random.below(5))
  const fields = names.map(field)
  if (random.below(3) > 0) return { tag: 'composite', fields }
  return { tag: 'composite', fields: [...fields, field('new')], former: [fields] }
}

function textOf(shape: TypeShape, random: Chance): string {
  switch (shape.tag) {
    case 'enum':
    case 'range':
      return text(random)
    case 'scalar':
      return scalars[shape.name]?.(random) ?? ''
    case 'composite':
      return compositeOf(shape, random)
    case 'array':
      return arrayOf(shape, random)
  }
}

function compositeOf({ fields, former = [] }: TypeShape & { tag: 'composite' }, random: Chance): string {
  const list = random.below(4) === 0 ? random.pick([fields, ...former]) : fields
  const texts = list.map(({ shape }) => {
    if (random.below(8) === 0) return ''
    const plain = textOf(shape, random)
    return /^[\w.:+-]+$/.test(plain) && random.below(3) > 0 ? plain : quoted(plain, '"')
  })
  return random.below(60) === 0
    ? random.pick(['', '(', '()', '(,', ')', '(",)', '(,,,,,,)', '(\\)'])
    : `(${texts.join(',')})`
}

function quoted(plain: string, mark: string): string {
  return `${mark}${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}${mark}`
}

function arrayOf({ element, delimiter }: TypeShape & { tag: 'array' }, random: Chance): string {
  const list = (depth: number): string => {
    const item = (): string => {
      if (depth < 3 && random.below(8) === 0) return list(depth + 1)
      if (random.below(8) === 0) return 'NULL'
      const plain = textOf(element, random)
      return /^[\w.:+-]+$/.test(plain) && random.below(3) > 0 ? plain : quoted(plain, '"')
    }
    return `{${Array.from({ length: random.below(5) }, item).join(delimiter)}}`
  }
  const bounds = random.below(15) === 0 ? '[0:1]=' : ''
  return random.below(60) === 0
    ? random.pick(['', '{', '{a', '{"a', '{a}x', '=', '{,}', `${'{'.repeat(20)}`])
    : bounds + list(0)
}

function anyValue(shape: TypeShape, random: Chance): Buffer {
  const bytes = Buffer.from(textOf(shape, random))
  if (random.below(12) > 0 || bytes.length === 0) return bytes
  // Bytes that are no UTF-8, and sequences that are cut.
  for (let i = 1 + random.below(4); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256)
  return random.below(3) > 0 ? bytes : bytes.subarray(0, random.below(bytes.length + 1))
}

const writers = new ValueWriters()
const out = new ByteWriter()

function isPrinted(shape: TypeShape, bytes: Buffer): boolean {
  try {
    out.clear()
    writers.of(shape)(bytes, 0, bytes.length, out)
    return true
  } catch {
    return false
  }
}

/** Returns a value of the type, sometimes with bytes that no type prints. Only with `mayFail` one for which the reference has an error. */
export function randomValue(shape: TypeShape, random: Chance, mayFail: boolean): Buffer {
  for (;;) {
    const bytes = anyValue(shape, random)
    if (mayFail || isPrinted(shape, bytes)) return bytes
  }
}
