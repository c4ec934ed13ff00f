// What PostgreSQL prints of every type, written as Avro and read back by avsc.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { avroType } from '../../../test/services/registry/avro-decoder.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { TypeShape } from '../../core/table.ts'
import { decimalOf, valueType, type TypeOptions, type ValueType } from './value-type.ts'

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const numericTypmod = (precision: number, scale: number): number => ((precision << 16) | (scale & 0x7ff)) + 4

function typeOf(type: string | TypeShape, options: Partial<TypeOptions> = {}): ValueType {
  const shapeOf = (text: string): TypeShape =>
    text.endsWith('[]')
      ? { tag: 'array', element: shapeOf(text.slice(0, -2)), delimiter: ',' }
      : { tag: 'scalar', name: text }
  const found = valueType(typeof type === 'string' ? shapeOf(type) : type, { typmod: -1, inKey: false, ...options })
  return found.tag === 'type' ? found : assert.fail(found.why)
}

/** Writes a value with bytes around it, and reads it back: undefined for the branch null. */
function reread(type: ValueType, text: string | Buffer): unknown {
  const value = Buffer.from(text)
  const bytes = Buffer.concat([Buffer.from('{"9'), value, Buffer.from('9"}')])
  const out = new ByteWriter(1)
  out.u8(7)
  type.write(bytes, 3, 3 + value.length, out)
  const read: unknown = avroType(type.schema).fromBuffer(Buffer.from(out.view().subarray(1)))
  return inside(read)
}

/** Values without the names of their branches. */
function inside(value: unknown): unknown {
  if (value === null) return null
  const [[, plain] = []] = Object.entries(value as object)
  return Array.isArray(plain) ? plain.map((item) => (typeof item === 'bigint' ? item : inside(item))) : plain
}

const seed = 20_261_129
const many = (property: fc.IRawProperty<unknown>, numRuns = 3000): void =>
  fc.assert(property as fc.IProperty<unknown>, { seed, numRuns })

test('integers of 64 bits are exact', () => {
  const type = typeOf('int8')
  assert.deepEqual(type.schema, ['null', 'long'])
  const edges = [
    0n,
    1n,
    -1n,
    63n,
    64n,
    -64n,
    -65n,
    2n ** 29n,
    2n ** 30n,
    -(2n ** 30n),
    2n ** 31n,
    2n ** 32n,
    2n ** 53n,
    10n ** 15n - 1n,
    10n ** 15n,
    -(10n ** 15n),
    10n ** 18n,
    int64.min,
    int64.max,
    int64.min + 1n,
  ]
  for (const value of edges) assert.equal(reread(type, String(value)), value)
  many(fc.property(fc.bigInt(int64), (value) => assert.equal(reread(type, String(value)), value)))
  many(
    fc.property(fc.bigInt(int64), fc.integer({ min: 0, max: 62 }), (value, bits) => {
      const small = value / 2n ** BigInt(bits)
      assert.equal(reread(type, String(small)), small)
    }),
  )
})

test('floats are the doubles that their digits mean', () => {
  const type = typeOf('float8')
  for (const text of [
    '0',
    '-0',
    '0.1',
    '1.5',
    '-15.75',
    '1e+20',
    '1e-05',
    '5e-324',
    '1.7976931348623157e+308',
    '123456789012345678',
    '0.000001',
    '999999999999999',
    '0.30000000000000004',
    '1e22',
    '1e23',
  ]) {
    assert.ok(Object.is(reread(type, text), Number(text)), text)
  }
  assert.ok(Number.isNaN(reread(type, 'NaN')))
  assert.equal(reread(type, '-Infinity'), -Infinity)
  many(
    fc.property(fc.double({ noNaN: true }), (value) => {
      const text = Object.is(value, -0) ? '-0' : String(value)
      assert.ok(Object.is(reread(type, text), value), text)
    }),
  )
  many(
    fc.property(fc.integer({ min: -999_999, max: 999_999 }), fc.integer({ min: 0, max: 24 }), (digits, places) => {
      const text = (digits / 10 ** Math.min(places, 6)).toFixed(places)
      assert.ok(Object.is(reread(type, text), Number(text)), text)
    }),
  )
})

test('decimals have the digits of their scale, of any size, and what is no number is a string', () => {
  const unscaled = (bytes: Buffer): bigint => BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`))
  const one = typeOf('numeric', { typmod: numericTypmod(4, 1) })
  assert.deepEqual(one.schema, ['null', { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 1 }, 'string'])
  assert.deepEqual(reread(one, '1.2'), Buffer.from('\f'))
  assert.deepEqual(reread(one, '-25.6'), Buffer.from([0xff, 0]))
  assert.deepEqual(reread(one, '0.0'), Buffer.from([0]))
  assert.deepEqual(reread(one, '-0'), Buffer.from([0]))
  for (const text of ['NaN', 'Infinity', '-Infinity']) assert.equal(reread(one, text), text)
  assert.throws(() => reread(one, '1.23'), { code: 'FEED_ROW' })
  many(
    fc.property(
      fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n }),
      fc.nat(60),
      fc.nat(30),
      fc.nat(5),
      (digits, cut, scale, missing) => {
        const value = digits / 10n ** BigInt(cut)
        const places = Math.max(0, scale - missing)
        const plain = String(value < 0n ? -value : value).padStart(places + 1, '0')
        const text = `${value < 0n ? '-' : ''}${plain.slice(0, plain.length - places)}${places > 0 ? `.${plain.slice(-places)}` : ''}`
        const type = typeOf('numeric', { typmod: numericTypmod(1000, scale) })
        const bytes = reread(type, text) as Buffer
        assert.equal(unscaled(bytes), value * 10n ** BigInt(scale - places), text)
        // The fewest bytes: without the first, it is another number.
        if (bytes.length > 1) assert.notEqual(unscaled(bytes.subarray(1)), unscaled(bytes))
      },
    ),
  )
  const large = `-${'9'.repeat(1000)}`
  assert.equal(unscaled(reread(typeOf('numeric', { typmod: numericTypmod(1000, 0) }), large) as Buffer), BigInt(large))
})

test('a negative scale, and one that is larger than the precision, become a legal decimal that holds every value', () => {
  assert.deepEqual(decimalOf(numericTypmod(10, 3)), { precision: 10, scale: 3 })
  assert.deepEqual(decimalOf(numericTypmod(3, -2)), { precision: 5, scale: 0 })
  assert.deepEqual(decimalOf(numericTypmod(1000, -1000)), { precision: 2000, scale: 0 })
  assert.deepEqual(decimalOf(numericTypmod(2, 5)), { precision: 5, scale: 5 })
  assert.deepEqual(decimalOf(numericTypmod(1, 1000)), { precision: 1000, scale: 1000 })
})

const dayMicros = 86_400_000_000n
/** From 4714 BC on, in microseconds since 1970. */
const times = { min: -210_866_803_200_000_000n, max: int64.max }

/** Text in the style ISO, by the calendar of JavaScript, which is cut to years that it knows. */
function dateText(days: bigint): { readonly date: string; readonly era: string } {
  const cycle = 146_097n
  const cycles = days / cycle - (days % cycle < 0n ? 1n : 0n)
  const then = new Date(Number(days - cycles * cycle) * 86_400_000)
  const year = BigInt(then.getUTCFullYear()) + 400n * cycles
  const shown = year > 0n ? year : 1n - year
  const two = (value: number): string => String(value).padStart(2, '0')
  return {
    date: `${String(shown).padStart(4, '0')}-${two(then.getUTCMonth() + 1)}-${two(then.getUTCDate())}`,
    era: year > 0n ? '' : ' BC',
  }
}

function clockText(micros: bigint): string {
  const seconds = micros / 1_000_000n
  const fraction = String(micros % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '')
  const parts = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((part) => String(part).padStart(2, '0'))
  return parts.join(':') + (fraction === '' ? '' : `.${fraction}`)
}

test('dates are days since 1970, in all years that PostgreSQL has', () => {
  const type = typeOf('date')
  assert.deepEqual(type.schema, ['null', { type: 'int', logicalType: 'date' }])
  assert.equal(reread(type, '2019-01-02'), 17_898)
  assert.equal(reread(type, '1970-01-01'), 0)
  assert.equal(reread(type, '0001-01-01'), -719_162)
  assert.equal(reread(type, '0001-12-31 BC'), -719_163)
  assert.equal(reread(type, '4714-11-24 BC'), -2_440_588)
  assert.equal(reread(type, '5874897-12-31'), 2_145_042_905)
  many(
    fc.property(fc.integer({ min: -2_440_588, max: 2_145_042_905 }), (days) => {
      const { date, era } = dateText(BigInt(days))
      assert.equal(reread(type, date + era), days)
    }),
  )
})

test('times are microseconds since midnight, also the one at the end of the day', () => {
  const type = typeOf('time')
  assert.equal(reread(type, '03:04:05'), 11_045_000_000n)
  assert.equal(reread(type, '24:00:00'), dayMicros)
  assert.equal(reread(type, '00:00:00.000001'), 1n)
  many(
    fc.property(fc.bigInt({ min: 0n, max: dayMicros }), (micros) =>
      assert.equal(reread(type, clockText(micros)), micros),
    ),
  )
})

test('timestamps are microseconds since 1970, in all years that PostgreSQL has', () => {
  for (const [name, zone] of [
    ['timestamp', ''],
    ['timestamptz', '+00'],
  ] as const) {
    const type = typeOf(name)
    assert.deepEqual(type.schema, ['null', { type: 'long', logicalType: 'timestamp-micros' }])
    assert.equal(reread(type, `2019-01-02 03:04:05${zone}`), 1_546_398_245_000_000n)
    assert.equal(reread(type, `1969-12-31 23:59:59.999999${zone}`), -1n)
    assert.equal(reread(type, `294247-01-10 04:00:54.775807${zone}`), int64.max)
    for (const text of ['294247-01-10 04:00:54.775808', '294247-01-10 04:00:55', '294276-12-31 23:59:59.999999']) {
      assert.throws(() => reread(type, text + zone), /timestamp after 294247-01-10 04:00:54.775807 not supported/)
    }
    assert.equal(reread(type, `4714-11-24 00:00:00${zone} BC`), -210_866_803_200_000_000n)
    many(
      fc.property(fc.bigInt(times), (micros) => {
        const days = micros / dayMicros - (micros % dayMicros < 0n ? 1n : 0n)
        const { date, era } = dateText(days)
        assert.equal(reread(type, `${date} ${clockText(micros - days * dayMicros)}${zone}${era}`), micros)
      }),
    )
  }
  assert.equal(reread(typeOf('timestamptz'), '2000-01-01 00:00:00-07:30:15'), 946_684_800_000_000n + 27_015_000_000n)
})

test('intervals are text in ISO 8601', () => {
  const type = typeOf('interval')
  assert.deepEqual(type.schema, ['null', 'string'])
  for (const [text, iso] of [
    ['1 year 2 mons 3 days 04:05:06', 'P1Y2M3DT4H5M6S'],
    ['1 year -00:00:00.006', 'P1YT-0.006S'],
    ['00:00:00', 'PT0S'],
    ['-1 years', 'P-1Y'],
    ['10 mons 3 days -04:05:06.789', 'P10M3DT-4H-5M-6.789S'],
    ['-1 mons +1 day 00:00:01', 'P-1M1DT1S'],
    ['1 day', 'P1D'],
    ['00:10:00', 'PT10M'],
    ['100:00:00.1', 'PT100H0.1S'],
    [
      '-178000000 years -11 mons +2147483647 days -2562047788:54:54.775807',
      'P-178000000Y-11M2147483647DT-2562047788H-54M-54.775807S',
    ],
    ['infinity', 'infinity'],
    ['-infinity', '-infinity'],
  ] as const)
    assert.equal(reread(type, text), iso)
})

test('bits are words of 64 bits behind the number of bits in the last', () => {
  const type = typeOf('varbit')
  assert.deepEqual(type.schema, ['null', { type: 'array', items: 'long' }])
  assert.deepEqual(reread(type, '010'), [3n, 4611686018427387904n])
  assert.deepEqual(reread(type, ''), [0n])
  assert.deepEqual(reread(type, '1'.repeat(64)), [64n, -1n])
  assert.deepEqual(reread(type, `${'0'.repeat(128)}1`), [1n, 0n, 0n, int64.min])
  many(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (bits) => {
      const text = bits.map((bit) => (bit ? '1' : '0')).join('')
      const [last = 0n, ...words] = reread(typeOf('bit'), text) as bigint[]
      const all = words.map((word) => BigInt.asUintN(64, word).toString(2).padStart(64, '0')).join('')
      assert.equal(all.slice(0, words.length === 0 ? 0 : all.length - 64 + Number(last)), text)
    }),
    500,
  )
})

test('text, bytes and booleans are what they are', () => {
  assert.deepEqual(typeOf('bytea').schema, ['null', 'bytes'])
  assert.deepEqual(typeOf('bool').schema, ['null', 'boolean'])
  assert.equal(reread(typeOf('bool'), 't'), true)
  assert.equal(reread(typeOf('bool'), 'f'), false)
  many(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.deepEqual(reread(typeOf('bytea'), `\\x${Buffer.from(bytes).toString('hex')}`), Buffer.from(bytes))
    }),
    500,
  )
  many(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) =>
      assert.equal(reread(typeOf('text'), text), text),
    ),
    500,
  )
  const long = 'ä'.repeat(100_000)
  assert.equal(reread(typeOf('text'), long), long)
})

test('a byte that is not UTF-8 becomes U+FFFD, each for itself', () => {
  assert.equal(
    reread(typeOf('text'), Buffer.from([0x61, 0xff, 0xc3, 0x28, 0xe2, 0x98, 0x62])),
    'a\ufffd\ufffd(\ufffd\ufffdb',
  )
  const long = Buffer.concat([Buffer.alloc(100, 0x61), Buffer.from([0xe2, 0x98]), Buffer.alloc(100, 0x62)])
  assert.equal(reread(typeOf('text'), long), `${'a'.repeat(100)}\ufffd\ufffd${'b'.repeat(100)}`)
})

const quoteElement = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`

test('arrays are arrays of unions, with NULL and without their bounds', () => {
  assert.deepEqual(typeOf('bool[]').schema, ['null', { type: 'array', items: ['null', 'boolean'] }])
  assert.deepEqual(reread(typeOf('bool[]'), '{t,t,f,NULL}'), [true, true, false, null])
  assert.deepEqual(reread(typeOf('text[]'), '{a,"b \\"c\\"",NULL,"NULL","","back\\\\slash","{x}","a,b"}'), [
    'a',
    'b "c"',
    null,
    'NULL',
    '',
    'back\\slash',
    '{x}',
    'a,b',
  ])
  assert.deepEqual(reread(typeOf('int4[]'), '[0:2]={1,2,3}'), [1n, 2n, 3n])
  assert.deepEqual(reread(typeOf('int4[]'), '{}'), [])
  const box: TypeShape = { tag: 'array', element: { tag: 'scalar', name: 'box' }, delimiter: ';' }
  assert.deepEqual(reread(typeOf(box), '{(1,1),(0,0);(2,2),(1,1)}'), ['(1,1),(0,0)', '(2,2),(1,1)'])
  // An array of a domain over arrays.
  assert.deepEqual(reread(typeOf('int4[][]'), '{"{1,2}","{}",NULL}'), [[1n, 2n], [], null])
  assert.deepEqual(reread(typeOf('text[][]'), '{"{\\"a\\\\\\\\\\",b}"}'), [['a\\', 'b']])
  assert.throws(() => reread(typeOf('int4[]'), '{{1,2},{3,4}}'), /several dimensions/)
  many(
    fc.property(fc.array(fc.option(fc.string({ unit: 'binary' }))), (texts) => {
      const array = `{${texts.map((text) => (text === null ? 'NULL' : quoteElement(text))).join(',')}}`
      assert.deepEqual(reread(typeOf('text[]'), array), texts)
    }),
    1000,
  )
})

test('a value that is damaged is an error or another value, and always ends', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['int8', '1234567890123456789'],
    ['float8', '1.25e+20'],
    ['numeric', '-1234567890.5'],
    ['bytea', '\\x00ff'],
    ['date', '2019-01-02 BC'],
    ['time', '03:04:05.678'],
    ['timestamptz', '2019-01-02 03:04:05.678+00 BC'],
    ['interval', '1 year 2 mons 3 days -04:05:06.789'],
    ['varbit', '010101'],
    ['text[]', '{a,"b\\"c",NULL}'],
    ['int4[]', '[0:1]={1,2}'],
  ]
  many(
    fc.property(
      fc.constantFrom(...cases),
      fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 3 }),
      fc.nat(40),
      ([type, text], damage, cut) => {
        const bytes = Buffer.from(text).subarray(0, Math.max(1, cut))
        for (const [at, byte] of damage) bytes[at % bytes.length] = byte
        try {
          reread(typeOf(type, { typmod: numericTypmod(20, 2) }), bytes)
        } catch (error) {
          assert.equal(
            (error as { code?: string }).code,
            'FEED_ROW',
            `${type} ${bytes.toString('latin1')}: ${String(error)}`,
          )
        }
      },
    ),
    20_000,
  )
})
