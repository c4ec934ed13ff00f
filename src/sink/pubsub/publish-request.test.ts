import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf } from '../../../test/services/pubsub/protocol-buffers.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { overheadOf, placeOf, writePublishRequest, type PlaceOptions } from './publish-request.ts'
import { PubsubBody } from './pubsub-body.ts'

const options: PlaceOptions = {
  spec: { project: 'p', format: 'json' },
  topic: 'users',
  tableName: undefined,
  orderingKey: '7',
}

interface Row {
  /** Undefined: the message has no key. */
  readonly key: string | undefined
  /** Undefined: the message has no value. */
  readonly value: string | undefined
}

function bodyOf(rows: readonly Row[], overheadBytes = 0): PubsubBody {
  const body = new PubsubBody(overheadBytes)
  for (const { key, value } of rows) {
    const bytes = Buffer.from(`xx${key ?? ''}${value ?? ''}`)
    const keyEnd = 2 + Buffer.byteLength(key ?? '')
    body.add(bytes, key === undefined ? -1 : 2, keyEnd, value === undefined ? -1 : bytes.length)
  }
  return body
}

function written(place: PlaceOptions, rows: readonly Row[], body = bodyOf(rows)): readonly (readonly string[])[] {
  const out = new ByteWriter(16)
  writePublishRequest(placeOf(place), body, out)
  const [topic, ...messages] = fieldsOf(out.view())
  assert.deepEqual([topic?.number, String(topic?.value)], [1, 'projects/p/topics/users'])
  return messages.map(({ number, value }) => {
    assert.equal(number, 2)
    return fieldsOf(value).map((field) => `${field.number} ${field.value}`)
  })
}

test('a row is its key, its value and its topic, with the bytes of key and value as they are', () => {
  const key = '["amsterdam", "☃"]'
  const value = '{"after": {"city": "amsterdam"}}'
  const data = `1 {"Key":${key},"Value":${value},"Topic":"users"}`
  assert.deepEqual(written(options, [{ key, value }]), [[data, '5 7']])
  assert.deepEqual(written({ ...options, orderingKey: undefined }, [{ key, value }]), [[data]])
  assert.deepEqual(written(options, [{ key: '[1]', value: undefined }]), [
    ['1 {"Key":[1],"Value":null,"Topic":"users"}', '5 7'],
  ])
  const attribute = '2 \n\nTABLE_NAME\u0012\u0005users'
  assert.deepEqual(written({ ...options, tableName: 'users' }, [{ key, value }]), [[data, attribute, '5 7']])
})

test('a resolved message is its payload and nothing else; a line of CSV is that line', () => {
  const resolved = { key: undefined, value: '{"resolved":"1.0000000000"}' }
  assert.deepEqual(written({ ...options, tableName: 'users' }, [resolved]), [[`1 ${resolved.value}`]])
  const csv: PlaceOptions = { ...options, spec: { project: 'p', format: 'csv' }, orderingKey: undefined }
  assert.deepEqual(written(csv, [{ key: undefined, value: '1,a' }]), [['1 1,a']])
})

test('messages of any size are written, and the halves of a body are its messages', () => {
  const rows = Array.from({ length: 41 }, (_, i) => ({ key: `[${i}]`, value: 'v'.repeat(i ** 3) }))
  const expected = rows.map(({ key, value }) => [`1 {"Key":${key},"Value":${value},"Topic":"users"}`, '5 7'])
  assert.deepEqual(written(options, rows), expected)
  const halves = bodyOf(rows).halves()
  assert.deepEqual(
    halves.map(({ count }) => count),
    [20, 21],
  )
  assert.deepEqual(
    halves.flatMap((half) => written(options, [], half)),
    expected,
  )
  const resolved = bodyOf([
    { key: undefined, value: 'a' },
    { key: undefined, value: 'b' },
  ])
  assert.deepEqual(
    resolved.halves().map((half) => written(options, [], half)),
    [[['1 a']], [['1 b']]],
  )
})

test('a body counts at least the bytes that its messages have in the request', () => {
  for (const [tableName, length] of [
    [undefined, 0],
    ['a table', 100],
    [undefined, 3_000_000],
  ] as const) {
    const place = placeOf({ ...options, tableName })
    const rows = Array.from({ length: 3 }, () => ({ key: '[1]', value: 'v'.repeat(length) }))
    const body = bodyOf(rows, overheadOf(place))
    const out = new ByteWriter(16)
    writePublishRequest(place, body, out)
    assert.ok(out.length <= body.bytes + place.topicField.length, `${out.length} bytes, ${body.bytes} counted`)
    assert.ok(out.length > body.bytes - 30)
  }
})
