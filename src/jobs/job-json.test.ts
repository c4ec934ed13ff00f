import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson, toJson } from './job-json.ts'

test('what JSON lacks survives the way to the database and back', () => {
  const value = {
    at: { wall: 1_536_242_855_577_149_065n, logical: 2 },
    max: Number.POSITIVE_INFINITY,
    none: null,
    list: [1, 'two', { three: 3n }],
  }
  assert.deepEqual(fromJson(toJson(value)), value)
})

test('a member that is undefined is missing afterwards', () => {
  assert.deepEqual(fromJson(toJson({ a: undefined, b: 1 })), { b: 1 })
})
