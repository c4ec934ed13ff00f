import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compressionsAlgorithms, crc32c, Reader, readRecordsBatch } from '@platformatic/kafka'
import { randomOf } from '../../../test/support/log-under-test.ts'
import { MessageBatch } from '../../core/message-batch.ts'
import { headerBytes, RecordBatch, recordOverhead, type BatchHeader } from './record-batch.ts'
import { recordHeaders } from './record-headers.ts'

interface Message {
  readonly key: string | null
  readonly value: string | null
}

const plain: BatchHeader = { nowMs: 1_700_000_000_123, producer: undefined, compress: undefined }

function batchOf(messages: readonly Message[]): RecordBatch {
  const batch = new RecordBatch(64)
  for (const { key, value } of messages) {
    const bytes = Buffer.from(`..${key ?? ''}${value ?? ''}`)
    const keyEnd = 2 + Buffer.byteLength(key ?? '')
    batch.add(bytes, key === null ? -1 : 2, keyEnd, value === null ? -1 : bytes.length)
  }
  return batch
}

/** As the client library reads it. */
function read(bytes: Buffer): { messages: Message[]; batch: ReturnType<typeof readRecordsBatch> } {
  const batch = readRecordsBatch(Reader.from(Buffer.from(bytes)))
  const messages = batch.records.map(({ key, value }) => ({
    key: key === null ? null : (key as Buffer).toString(),
    value: value === null ? null : (value as Buffer).toString(),
  }))
  return { messages, batch }
}

const messages: readonly Message[] = [
  { key: '[1]', value: '{"after": {"a": 1}}' },
  { key: '[2]', value: null },
  { key: null, value: '{"resolved":"1.0000000000"}' },
  { key: '', value: '' },
  { key: `["${'k'.repeat(70)}"]`, value: 'v'.repeat(20_000) },
]

test('the reader of the client library reads what was written', () => {
  const bytes = batchOf(messages).seal(plain)
  const { batch, messages: seen } = read(bytes)
  assert.deepEqual(seen, messages)
  assert.equal(batch.length, bytes.length - 12)
  assert.equal(batch.crc, crc32c(bytes.subarray(21)))
  assert.equal(batch.firstTimestamp, 1_700_000_000_123n)
  assert.equal(batch.maxTimestamp, 1_700_000_000_123n)
  assert.equal(batch.lastOffsetDelta, 4)
  assert.equal(batch.producerId, -1n)
  assert.deepEqual(
    batch.records.map(({ offsetDelta }) => offsetDelta),
    [0, 1, 2, 3, 4],
  )
})

test('a thousand records, whose offsets need varints of several bytes, are read back', () => {
  const many = Array.from({ length: 1000 }, (_, i) => ({ key: `[${i}]`, value: `value ${i}` }))
  assert.deepEqual(read(batchOf(many).seal(plain)).messages, many)
})

test('the header has the id, epoch and sequence of the producer', () => {
  const { batch } = read(batchOf(messages).seal({ ...plain, producer: { id: 77n, epoch: 3, sequence: 500 } }))
  assert.deepEqual([batch.producerId, batch.producerEpoch, batch.firstSequence], [77n, 3, 500])
})

test('compressed records are read back, by each codec', () => {
  for (const name of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const { bitmask, compressSync } = compressionsAlgorithms[name]
    const sealed = batchOf(messages).seal({ ...plain, compress: { codec: bitmask, compress: compressSync } })
    assert.deepEqual(read(sealed).messages, messages, name)
  }
})

test('halves hold the same records, and can be halved again', () => {
  const batch = batchOf(messages)
  const [first, second] = batch.halves()
  assert.deepEqual([first.count, second.count], [2, 3])
  assert.deepEqual([...read(first.seal(plain)).messages, ...read(second.seal(plain)).messages], messages)
  const [one] = first.halves()
  assert.deepEqual(read(one.seal(plain)).messages, messages.slice(0, 1))
})

test('every record has the headers, also in halves', () => {
  const headers = [
    { name: 'X-Name', value: 'valué' },
    { name: 'empty', value: '' },
    { name: 'long', value: 'l'.repeat(300) },
  ]
  const batch = new RecordBatch(64, recordHeaders(headers))
  for (const text of ['[1]one', '[2]two', '[3]three']) batch.add(Buffer.from(text), 0, 3, text.length)
  const [first, second] = batch.halves()
  for (const [one, count] of [
    [batch, 3],
    [first, 1],
    [second, 2],
  ] as const) {
    const { batch: seen } = read(one.seal(plain))
    assert.equal(seen.records.length, count)
    for (const record of seen.records) {
      assert.deepEqual(
        record.headers.map(([name, value]) => ({ name: String(name), value: String(value) })),
        headers,
      )
    }
  }
})

test('a cleared batch is empty, and its bytes are counted again from the header', () => {
  const batch = batchOf(messages)
  batch.clear()
  assert.deepEqual([batch.count, batch.bytes], [0, headerBytes])
  batch.add(Buffer.from('[9]nine'), 0, 3, 7)
  assert.deepEqual(read(batch.seal(plain)).messages, [{ key: '[9]', value: 'nine' }])
})

test('rows that are appended together give the bytes that they give one by one, up to the limits', () => {
  const random = randomOf(7)
  const headers = recordHeaders([{ name: 'n', value: 'v'.repeat(70) }])
  for (let round = 0; round < 40; round++) {
    const batch = new MessageBatch(64)
    batch.hasKeys = round % 8 !== 7
    const count = 1 + random(round % 3 === 0 ? 3000 : 60)
    for (let row = 0; row < count; row++) {
      batch.begin(0)
      if (batch.hasKeys) batch.bytes.latin1('k'.repeat(random(4) === 0 ? random(300) : random(12)))
      batch.endKey()
      const isNil = random(9) === 0
      if (!isNil) batch.bytes.latin1('v'.repeat(random(11) === 0 ? random(20_000) : random(150)))
      batch.end(!isNil)
      if (batch.lastBytes >= 1024) batch.largeTimes.set(row, `${row}.0000000000`)
    }
    // The rows of a lane are some of those of the batch.
    const next = new Int32Array(count).fill(-1)
    let last = 0
    for (let row = 1; row < count; row++) {
      if (random(3) === 0) continue
      next[last] = row
      last = row
    }
    const limits = { bytes: 1000 + random(40_000), messages: 1 + random(400), overheadBytes: recordOverhead }
    const own = round % 2 === 0 ? headers : undefined
    const together = new RecordBatch(64, own)
    const rows = { batch, next, payloadBytes: 0 }
    const left = together.addRows(rows, 0, limits)
    const alone = new RecordBatch(64, own)
    let payloadBytes = 0
    let row = batch.hasKeys ? 0 : -1
    for (; row >= 0; row = next[row] as number) {
      const start = batch.keyStarts[row] as number
      const valueStart = batch.valueStarts[row] as number
      const isNil = batch.nilValues[row] === 1
      const end = isNil ? valueStart : (batch.valueEnds[row] as number)
      if (alone.bytes + recordOverhead + end - start > limits.bytes || alone.count >= limits.messages) break
      alone.add(batch.bytes.buffer, start, valueStart, isNil ? -1 : end, batch.largeTimes.get(row))
      payloadBytes += end - start
    }
    assert.equal(left, batch.hasKeys ? row : 0)
    assert.equal(together.count, alone.count)
    assert.equal(rows.payloadBytes, payloadBytes)
    for (let i = 0; i < alone.count; i++) assert.equal(together.timeOf(i), alone.timeOf(i))
    assert.deepEqual(Buffer.from(together.seal(plain)), Buffer.from(alone.seal(plain)))
  }
})
