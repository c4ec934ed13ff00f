// Holds the kernel and the reference encoder against each other: both write the messages of the same rows, through all that stands
// between the changelog, or a connection that copies, and a batch.

import assert from 'node:assert/strict'
import { lengthBytes, recordEnd, timestampOf } from '../../src/changelog/records.ts'
import type { FeedSpec } from '../../src/core/feed-spec.ts'
import type { MessageBatch } from '../../src/core/message-batch.ts'
import { SchemaHistory } from '../../src/decode/schema-history.ts'
import type { Encoder } from '../../src/encode/encoder.ts'
import { open } from '../../src/encode/json/json-encoder.ts'
import type { ChangeWriter } from '../../src/feed/output/change-writer.ts'
import { openOutput } from '../../src/feed/output/open-output.ts'
import { ScanRows } from '../../src/feed/scan/scan-rows.ts'
import { TransactionEmitter } from '../../src/feed/transaction/emit-transaction.ts'
import { listRecords, OffsetList } from '../../src/feed/transaction/offset-list.ts'
import { Partitions } from '../../src/feed/transaction/partitions.ts'
import { CopiedRows } from '../../src/scan/copied-rows.ts'
import { Chance } from './chance.ts'
import { randomCopy, type RandomCopy } from './random-copy.ts'
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

/** Writes what `work` gives to the output, up to its error. */
async function write(encoder: Encoder, work: (changes: ChangeWriter) => Promise<void>): Promise<Written> {
  const messages: string[] = []
  let byKernel = 0
  const emitBatch = async (batch: MessageBatch): Promise<void> => {
    for (let i = 0; i < batch.count; i++) messages.push(describe(batch, i))
    batch.clear()
  }
  const { changes, messages: last } = openOutput({ encoder, emitBatch, signal: new AbortController().signal })
  const counted =
    <Run>(take: (run: Run, from: number) => number) =>
    (run: Run, from: number): number => {
      const before = last.batch.count
      const next = take(run, from)
      byKernel += last.batch.count - before
      return next
    }
  last.takeRecords = counted(last.takeRecords.bind(last))
  last.takeCopied = counted(last.takeCopied.bind(last))
  let error: string | undefined
  try {
    await work(changes)
  } catch (thrown) {
    error = String(thrown)
  }
  await last.drain()
  return { messages, byKernel, error }
}

async function follow({ spec, schemas, payload }: RandomLog, changes: ChangeWriter): Promise<void> {
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
}

async function scan({ shape, at, bytes, cuts }: RandomCopy, changes: ChangeWriter): Promise<void> {
  const rows = new CopiedRows(shape, new ScanRows(changes, { at, topics: new Map([[1, 0]]), rowsAsOf: undefined }))
  let start = 0
  for (const end of cuts) {
    // Lines are changed in place. Not every read begins with the buffer.
    const before = Math.min(start, 7)
    const read = Buffer.from(bytes.subarray(start - before, end))
    rows.run(read, before, read.length)
    if (changes.isFull) await changes.drain()
    start = end
  }
}

function describe(batch: MessageBatch, i: number): string {
  const { buffer } = batch.bytes
  const text = (from: Uint32Array, to: Uint32Array): string => buffer.toString('latin1', from[i], to[i])
  const { topics, schemas, nilValues, keyStarts, valueStarts, valueEnds, largeTimes } = batch
  const value = text(valueStarts, valueEnds)
  return `${topics[i]} ${schemas[i]} ${nilValues[i]} ${largeTimes.get(i)} ${text(keyStarts, valueStarts)} ${value}`
}

export interface Compared {
  readonly messages: number
  /** How many of them the kernel has written. */
  readonly byKernel: number
}

async function compare(
  spec: FeedSpec,
  seed: string,
  work: (changes: ChangeWriter) => Promise<void>,
): Promise<Compared> {
  const reference = await write(withoutRuns(open(spec)), work)
  const written = await write(open(spec), work)
  const where = `${seed}, ${JSON.stringify({ ...spec, sink: undefined })}`
  for (const [i, message] of reference.messages.entries())
    assert.equal(written.messages[i], message, `message ${i} of ${where}`)
  assert.equal(written.messages.length, reference.messages.length, `messages of ${where}`)
  assert.equal(written.error, reference.error, `the error of ${where}`)
  assert.equal(reference.byKernel, 0)
  return { messages: reference.messages.length, byKernel: written.byKernel }
}

/** Both write the messages of a block of the changelog. */
export function compareRecords(seed: number): Promise<Compared> {
  const log = new LogMaker(new Chance(seed)).make()
  return compare(log.spec, `records of seed ${seed}`, (changes) => follow(log, changes))
}

/** Both write the messages of rows of COPY. */
export function compareCopied(seed: number): Promise<Compared> {
  return compareScan(randomCopy(new Chance(seed)), `copied rows of seed ${seed}`)
}

export function compareScan(copy: RandomCopy, name: string): Promise<Compared> {
  return compare(copy.spec, name, (changes) => scan(copy, changes))
}
