import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorResponse } from '../wire/backend-writer.ts'
import { asFeedError, FeedError, fromWireError, toWireError } from './feed-error.ts'

test('an error that is not ours is retried, whatever it is and wherever it is caught', () => {
  for (const stranger of [
    new TypeError('no such thing'),
    Object.assign(new Error('full'), { code: 'EMFILE' }),
    'a text',
  ]) {
    const error = asFeedError(stranger)
    assert.deepEqual([error.code, error.retry], ['FEED_UNEXPECTED', true])
    assert.equal(error.cause, stranger)
    const crossed = fromWireError(toWireError(stranger))
    assert.deepEqual([crossed.code, crossed.message], [error.code, error.message])
    const response = errorResponse(stranger).toString()
    assert.ok(response.includes(`CXX000\0Minternal error: ${error.message}\0`), response)
    assert.ok(!response.includes('feed-error.test'), 'a client is shown no stack')
  }
})

test('an error of ours stays as it is', () => {
  const error = new FeedError('FEED_BUG', 'two at a time')
  assert.equal(asFeedError(error), error)
  assert.equal(error.retry, false)
})
