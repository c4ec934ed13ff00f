// Holds the kernel and the reference encoder against each other: both write the messages of the same block, through all that stands
// between the changelog and a batch.

import assert from 'node:assert/strict'
import { lengthBytes, recordEnd, timestampOf } from '../../src/changelog/records.ts'
import { MessageBatch } from '../../src/core/message-batch.ts'
import { SchemaHistory } from '../../src/decode/schema-history.ts'
import type { Encoder } from '../../src/encode/encoder.ts'
import { open } from '../../src/encode/json/json-encoder.ts'
import { openOutput } from '../../src/feed/output/open-output.ts'
import { TransactionEmitter } from '../../src/feed/transaction/emit-transaction.ts'
import { listRecords, OffsetList } from '../../src/feed/transaction/offset-list.ts'
import { Partitions } from '../../src/feed/transaction/partitions.ts'
import { Chance } from './chance.ts'
import { LogMaker, type RandomLog } from './random-log.ts'

/** Without the door for runs an encoder is the reference. */
export function withoutRuns(encoder: Encoder): Encoder {
  return {
    prepare: (relation, topic) => encoder.prepare(relation, topic),
    encodeKey: (relation, row, out) => encoder.encodeKey(relation, row, out),
    encodeValue: (change, out) => encoder.encodeValue(change, out),
    prepareResolved: (topic) => encoder.prepareResolved(topic),
    encodeResolved: (topic, at, out) => encoder.encodeResolved(topic, at, out),
  }
}

interface Written {
  readonly messages: readonly string[]
  /** How many messages were written by calls of the kernel. */
  readonly byKernel: number
  readonly error: string | undefined
}

async function write({ spec, schemas, payload }: RandomLog, encoder: Encoder): Promise<Written> {
  const messages: string[] = []
  let byKernel = 0
  const emitBatch = async (batch: MessageBatch): Promise<void> => {
    for (let i = 0; i < batch.count; i++) messages.push(describe(batch, i))
    batch.clear()
  }
  const { changes, messages: last } = openOutput({ encoder, emitBatch, signal: new AbortController().signal })
  const takeRecords = last.takeRecords.bind(last)
  last.takeRecords = (run, from) => {
    const before = last.batch.count
    const next = takeRecords(run, from)
    byKernel += last.batch.count - before
    return next
  }
  const history = new SchemaHistory()
  for (const schema of schemas) history.apply(schema, 0, schema.length)
  const topics = new Map(spec.targets.map(({ relid }, index) => [relid, index]))
  const partitions = new Partitions(topics.keys())
  const { diff } = spec
  const emitter = new TransactionEmitter({
    schemas: history,
    partitions,
    topics,
    changes,
    diff,
    readsRowsAgain: () => false,
  })
  const list = new OffsetList()
  let error: string | undefined
  try {
    try {
      for (let at = 0; at < payload.length;) {
        const begin = at + lengthBytes
        emitter.stamp(timestampOf(payload, begin))
        at = listRecords(payload, recordEnd(payload, begin), partitions.isTarget, list)
        await emitter.emitWhole(payload, list)
      }
    } finally {
      emitter.settle()
    }
  } catch (thrown) {
    error = String(thrown)
  }
  await last.drain()
  return { messages, byKernel, error }
}

function describe(batch: MessageBatch, i: number): string {
  const { buffer } = batch.bytes
  const text = (from: Uint32Array, to: Uint32Array): string => buffer.toString('latin1', from[i], to[i])
  const { topics, schemas, nilValues, keyStarts, valueStarts, valueEnds, largeTimes } = batch
  const value = text(valueStarts, valueEnds)
  return `${topics[i]} ${schemas[i]} ${nilValues[i]} ${largeTimes.get(i)} ${text(keyStarts, valueStarts)} ${value}`
}

/** Returns how many messages were compared, and how many of them the kernel has written. */
export async function compareEncoders(seed: number): Promise<{ readonly messages: number; readonly byKernel: number }> {
  const log = new LogMaker(new Chance(seed)).make()
  const reference = await write(log, withoutRuns(open(log.spec)))
  const written = await write(log, open(log.spec))
  const where = `seed ${seed}, ${JSON.stringify({ ...log.spec, sink: undefined })}`
  for (const [i, message] of reference.messages.entries())
    assert.equal(written.messages[i], message, `message ${i} of ${where}`)
  assert.equal(written.messages.length, reference.messages.length, `messages of ${where}`)
  assert.equal(written.error, reference.error, `the error of ${where}`)
  assert.equal(reference.byKernel, 0)
  return { messages: reference.messages.length, byKernel: written.byKernel }
}
