import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { avroName, avroRecordName } from './avro-name.ts'

function unescaped(name: string): string {
  return name.replaceAll(/_u([0-9a-f]{4}|[0-9a-f]{8})_/g, (_, code: string) =>
    String.fromCodePoint(Number.parseInt(code, 16)),
  )
}

test('names of Avro are the names of SQL, with escapes for other characters', () => {
  for (const [name, escaped] of [
    ['foo', 'foo'],
    ['0123456789_-.', '_u0030_123456789__u002d__u002e_'],
    ['99', '_u0039_9'],
    ['!', '_u0021_'],
    ['foo!bar', 'foo_u0021_bar'],
    ['foo_u0021_bar', 'foo_u005f__u0075__u0030__u0030__u0032__u0031__u005f_bar'],
    ['/', '_u002f_'],
    ['☃', '_u2603_'],
    ['\u{10ffff}', '_u0010ffff_'],
  ] as const) {
    assert.equal(avroName(name), escaped)
    assert.equal(unescaped(escaped), name)
  }
})

test('every name is legal, and different names stay different', () => {
  const part = fc.constantFrom('_u0021_', '_u', '_', 'u', '5f', '_u00', '9', '0021', '!', ' ', 'ä', '😀', 'x')
  const names = new Map<string, string>()
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const name = parts.join('')
      const escaped = avroName(name)
      assert.match(escaped, /^[A-Za-z_][A-Za-z0-9_]*$/)
      assert.equal(names.get(escaped) ?? name, name)
      names.set(escaped, name)
    }),
    { seed: 1, numRuns: 20_000 },
  )
})

test('a record without a namespace is not named like a primitive type of Avro', () => {
  for (const type of ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']) {
    assert.equal(unescaped(avroRecordName(type, undefined)), type)
    assert.notEqual(avroRecordName(type, undefined), type)
    assert.equal(avroRecordName(type, 'shop'), type)
  }
  assert.equal(avroRecordName('record', undefined), 'record')
})
