import assert from 'node:assert/strict'
import { test } from 'node:test'
import { binaryValue } from './binary-value.ts'
import { typeOids } from './type-oids.ts'

test('values have the bytes of PostgreSQL', () => {
  const table: readonly (readonly [type: keyof typeof typeOids, text: string, hex: string])[] = [
    ['int8', '-2', 'fffffffffffffffe'],
    ['int8', '9007199254740993', '0020000000000001'],
    ['float4', '0.25', '3e800000'],
    ['text', 'é', 'c3a9'],
    ['timestamp', '2000-01-01 00:00:00', '0000000000000000'],
    ['timestamp', '2026-11-29 18:05:13.000123', '0003046ce74268bb'],
    ['timestamp', '1999-12-31 23:59:59.5', 'fffffffffff85ee0'],
  ]
  for (const [type, text, hex] of table) assert.equal(binaryValue(typeOids[type], text).toString('hex'), hex, text)
})
