import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planFor } from '../../../test/support/plan-for.ts'
import { SinkParameters } from '../sink-parameters.ts'
import { storage } from './facts.ts'
import { readCommon } from './parameters.ts'

test('file_size is no larger than a file can be that S3 takes in parts', () => {
  const read = (size: string): number => readCommon(new SinkParameters(`file_size=${size}`, 1)).fileSize
  assert.equal(read('64GiB'), 64 * 1024 ** 3)
  assert.equal(read('1'), 1)
  assert.throws(() => read('1TB'), { message: /file_size=1TB is too large/, hint: 'it is at most 64GiB' })
  assert.throws(() => read('0'), { message: /file_size is no size in bytes/ })
})

test('a file_size of hardly more than a row is said when the changefeed starts', () => {
  const notices = (size: string): readonly string[] =>
    planFor(`CREATE CHANGEFEED FOR t INTO 'nodelocal://1/x${size}'`).notices
  assert.deepEqual(notices('?file_size=3'), [
    'file_size is 3 bytes, so that almost every row becomes a file of its own; megabytes are written with their unit: file_size=3MB',
  ])
  assert.match(notices('?file_size=1').join(), /file_size is 1 byte,/)
  for (const usual of ['', '?file_size=1KB', '?file_size=16MB', '?file_size=1000000'])
    assert.deepEqual(notices(usual), [], usual)
})

test('a misspelt parameter is named with the one that was meant, and not as the lack of that one', () => {
  const read = (query: string): unknown =>
    storage.readSpec({
      scheme: 's3',
      place: 'bucket',
      parameters: new SinkParameters(query, 1),
      tables: [],
      headers: [],
      option: () => undefined,
      rowFormats: ['hex', 'hex', 'hex'],
    })
  assert.throws(() => read('AWS_ACCES_KEY_ID=a&AWS_SECRET_ACCESS_KEY=b'), {
    message: 'unknown S3 query parameters: [AWS_ACCES_KEY_ID]',
    hint: 'did you mean AWS_ACCESS_KEY_ID?',
  })
  assert.throws(() => read('AWS_SECRET_ACCESS_KEY=b'), { message: /AWS_ACCESS_KEY_ID is not set/ })
})

test('a parameter that is given twice is refused, and no value of it is shown', () => {
  const read = (query: string): unknown => planFor(`CREATE CHANGEFEED FOR t INTO '${query}'`)
  assert.throws(() => read('nodelocal://1/x?file_size=16MB&file_size=1MB'), {
    message: 'param file_size is given more than once',
  })
  const twice = 's3://b-1/x?AWS_ACCESS_KEY_ID=a&AWS_SECRET_ACCESS_KEY=s3cret&AWS_SECRET_ACCESS_KEY=other'
  assert.throws(() => read(twice), { message: 'param AWS_SECRET_ACCESS_KEY is given more than once' })
  assert.throws(() => read('kafka://h:1?topic_prefix=a&topic_prefix=b'), {
    message: 'param topic_prefix is given more than once',
  })
})
