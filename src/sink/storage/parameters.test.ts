import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SinkParameters } from '../sink-parameters.ts'
import { readCommon } from './parameters.ts'

test('file_size is no larger than a file can be that S3 takes in parts', () => {
  const read = (size: string): number => readCommon(new SinkParameters(`file_size=${size}`, 1)).fileSize
  assert.equal(read('64GiB'), 64 * 1024 ** 3)
  assert.equal(read('1'), 1)
  assert.throws(() => read('1TB'), { message: /file_size=1TB is too large/, hint: 'it is at most 64GiB' })
  assert.throws(() => read('0'), { message: /file_size is no size in bytes/ })
})
