import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shortened } from './shorten.ts'

const short = (text: string, most: number): string => {
  const bytes = Buffer.from(`..${text}..`)
  return String(shortened(bytes, 2, bytes.length - 2, most))
}

test('a long value is cut, and says how many bytes are missing', () => {
  assert.equal(short('abcdef', 6), 'abcdef')
  assert.equal(short('abcdefg', 6), 'abcdef\n1')
  assert.equal(short('', 6), '')
})

test('a character of several bytes is left out whole', () => {
  assert.equal(short('aß€', 6), 'aß€')
  assert.equal(short('aß€', 5), 'aß\n3')
  assert.equal(short('aß€', 4), 'aß\n3')
  assert.equal(short('aß€', 2), 'a\n5')
  assert.equal(short('𝄞', 3), '\n4')
})
