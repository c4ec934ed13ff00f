import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FeedError } from '../../errors/feed-error.ts'
import { readKafkaSinkConfig } from './kafka-sink-config.ts'

const read = (value: unknown): ReturnType<typeof readKafkaSinkConfig> => readKafkaSinkConfig(JSON.stringify(value), 3)

function refused(value: unknown, message: string | RegExp, hint?: RegExp): void {
  assert.throws(
    () => readKafkaSinkConfig(typeof value === 'string' ? value : JSON.stringify(value), 3),
    (error: FeedError) => {
      assert.equal(error.position, 3)
      if (typeof message === 'string') assert.equal(error.message, message)
      else assert.match(error.message, message)
      if (hint !== undefined) assert.match(error.hint ?? '', hint)
      return true
    },
    JSON.stringify(value),
  )
}

test('nothing given: the leader acknowledges, nothing is compressed, messages leave at once', () => {
  assert.deepEqual(readKafkaSinkConfig(undefined, 3), {
    clientId: 'CockroachDB',
    acks: 'one',
    compression: 'none',
    compressionLevel: undefined,
    flush: { messages: 0, bytes: 0, frequencyMs: 0, maxMessages: 0, maxBytes: 0 },
    retry: { max: 3, backoffMs: 500 },
  })
})

test('every field, as the page writes them', () => {
  const config = readKafkaSinkConfig(
    '{"Flush": {"MaxMessages": 1, "Frequency": "1s", "Messages": 10, "Bytes": 1000, "MaxBytes": 500}, "ClientID": "kafka_client_ID", "Version": "0.8.2.0", "RequiredAcks": "ONE", "Compression": "GZIP", "CompressionLevel": 3, "Retry": {"Max": "inf", "Backoff": "250ms"}}',
    3,
  )
  assert.deepEqual(config, {
    clientId: 'kafka_client_ID',
    acks: 'one',
    compression: 'gzip',
    compressionLevel: 3,
    flush: { messages: 10, bytes: 1000, frequencyMs: 1000, maxMessages: 1, maxBytes: 500 },
    retry: { max: Number.POSITIVE_INFINITY, backoffMs: 250 },
  })
  assert.equal(read({ Retry: { Max: '7' } }).retry.max, 7)
  assert.equal(read({ requiredacks: 'all' }).acks, 'all')
  assert.equal(read({ RequiredAcks: '-1' }).acks, 'all')
  assert.equal(read({ RequiredAcks: '0' }).acks, 'none')
})

test('a field that does not exist is named, with the nearest one that does', () => {
  refused({ RequiredAck: 'ALL' }, 'unknown field RequiredAck in kafka_sink_config', /^did you mean RequiredAcks\?$/)
  refused(
    { Flush: { Message: 1 } },
    'unknown field Flush.Message in kafka_sink_config',
    /^did you mean Flush\.Messages\?$/,
  )
  refused({ Nope: 1 }, 'unknown field Nope in kafka_sink_config', /^it has ClientID, /)
})

test('wrong values are errors', () => {
  refused('{', /^error unmarshalling json: /)
  refused([], /^error unmarshalling json: /)
  refused({ Flush: 1 }, /^error unmarshalling json: Flush is not an object$/)
  refused({ Flush: { Messages: 'many' } }, /^error unmarshalling json: Messages is not an integer$/)
  refused({ Flush: { Messages: 1.5, Frequency: '1s' } }, /^error unmarshalling json: /)
  refused({ Flush: { Frequency: 'soon' } }, /^error unmarshalling json: time: invalid duration "soon"$/)
  refused({ Flush: { Frequency: 5 } }, /^error unmarshalling json: Frequency is not a string$/)
  for (const flush of [{ Messages: -1 }, { Bytes: -1 }, { Frequency: '-1s' }, { MaxMessages: -1 }, { MaxBytes: -1 }])
    refused({ Flush: flush }, 'invalid sink config, all values must be non-negative')
  for (const flush of [{ Messages: 1 }, { Bytes: 1 }])
    refused({ Flush: flush }, 'invalid sink config, Flush.Frequency is not set, messages may never be sent')
  for (const max of [0, -1, '0'])
    refused({ Retry: { Max: max } }, "Retry.Max must be a positive integer. use 'inf' for infinite retries.")
  for (const max of ['often', 1.5, true])
    refused({ Retry: { Max: max } }, "Retry.Max must be either a positive int or 'inf' for infinite retries.")
  refused({ Retry: { Backoff: '-1s' } }, 'invalid sink config, all values must be non-negative')
  refused({ RequiredAcks: 'MAYBE' }, 'invalid acks value "MAYBE", must be "NONE"/"0", "ONE"/"1", or "ALL"/"-1"')
  refused({ ClientID: 'a b' }, /^invalid ClientID "a b"/)
  refused({ Compression: 'RAR' }, /^unknown compression "RAR"/)
  refused({ Version: 'newest' }, 'invalid version "newest"')
  for (const [codec, level] of [
    ['GZIP', 10],
    ['GZIP', -3],
    ['ZSTD', 0],
    ['ZSTD', 5],
    ['LZ4', 1],
    ['SNAPPY', 1],
    ['NONE', 1],
  ] as const)
    refused({ Compression: codec, CompressionLevel: level }, `invalid compression level ${level} for ${codec}`)
})
