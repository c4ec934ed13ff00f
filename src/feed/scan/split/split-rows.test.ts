// Rows of a scan that are encoded in several threads are the messages that one thread makes of them, in the same order.

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import { specOf } from '../../../../test/support/spec-of.ts'
import { randomOf } from '../../../../test/support/log-under-test.ts'
import { TableLook } from '../../../../test/support/written-log.ts'
import { FeedError } from '../../../errors/feed-error.ts'
import { relationOfDescription } from '../../../decode/schema-history.ts'
import { openEncoder } from '../../../encode/open-encoder.ts'
import type { CopyShape } from '../../../core/copy-run.ts'
import { CopiedRows } from '../../../scan/copied-rows.ts'
import { openOutput } from '../../output/open-output.ts'
import { ScanRows } from '../scan-rows.ts'
import { EncodeThreads } from './encode-threads.ts'
import { PieceEncoder } from './piece-encoder.ts'
import { SplitRows, tablesOf } from './split-rows.ts'
import type { Piece } from './piece.ts'

const at = { wall: 5_000_000_000n, logical: 3 }
const { description } = new TableLook()
const relation = relationOfDescription(description)
const spec = specOf({
  targets: [{ relid: description.relid, topic: 't', tableName: 't' }],
  updated: true,
  mvccTimestamp: true,
  keyInValue: true,
})
const topics = new Map([[description.relid, 0]])
const shape: CopyShape = { relation, sent: 3, commitTimes: true }

const encoding = `
  import { parentPort, workerData } from 'node:worker_threads'
  const { encodeFor } = await import(workerData)
  parentPort.on('message', (port) => encodeFor(port))
`
const workers: Worker[] = []
after(async () => void (await Promise.all(workers.map((worker) => worker.terminate()))))

/** A way to a thread that encodes, and the thread. */
function encodingThread(): { readonly port: MessagePort; readonly worker: Worker } {
  const worker = new Worker(encoding, { eval: true, workerData: new URL('encode-for.ts', import.meta.url).href })
  workers.push(worker)
  const { port1, port2 } = new MessageChannel()
  worker.postMessage(port2, [port2])
  return { port: port1, worker }
}

/** Messages of COPY as PostgreSQL sends them: NULL, escapes, long and empty values, several commit times. */
function copied(random: (below: number) => number, rows: number): Buffer {
  const texts = ['x', '', '\\N', 'tab\\tnewline\\nslash\\\\', 'ä€', 'long '.repeat(40)]
  return Buffer.concat(
    Array.from({ length: rows }, (_, i) => {
      const micros = random(5) === 0 ? '\\N' : String(1_000_000 + Math.floor(i / 3))
      const line = Buffer.from(`${i}\t${texts[random(texts.length)]}\t${micros}\n`)
      const head = Buffer.from([0x64, 0, 0, 0, 0])
      head.writeInt32BE(4 + line.length, 1)
      return Buffer.concat([head, line])
    }),
  )
}

/** Runs of whole messages, as reads from a socket have them. */
function* runs(bytes: Buffer, random: (below: number) => number): Generator<readonly [number, number]> {
  let start = 0
  let end = 0
  while (end < bytes.length) {
    end += 1 + bytes.readInt32BE(end + 1)
    if (end - start > random(200_000) || end === bytes.length) {
      yield [start, end]
      start = end
    }
  }
}

async function inOneThread(bytes: Buffer): Promise<string[]> {
  const texts: string[] = []
  const encoder = await openEncoder(spec)
  const { changes } = openOutput({
    encoder,
    emitBatch: async (batch) => {
      texts.push(...textsOf(batch))
      batch.clear()
    },
    signal: new AbortController().signal,
  })
  const rows = new ScanRows(changes, { at, topics, rowsAsOf: undefined })
  new CopiedRows(shape, rows).run(Buffer.from(bytes), 0, bytes.length)
  await changes.drain()
  return texts
}

function textsOf({ count, bytes, keyStarts, valueStarts, valueEnds, schemas, topics: of }: Piece['batch']): string[] {
  return Array.from({ length: count }, (_, i) => {
    const key = bytes.buffer.toString('utf8', keyStarts[i], valueStarts[i])
    return `${of[i]}/${schemas[i]} ${key} ${bytes.buffer.toString('utf8', valueStarts[i], valueEnds[i])}`
  })
}

interface Split {
  readonly ports: readonly MessagePort[]
  readonly emit: (texts: string[]) => Promise<void>
}

async function split({ ports, emit }: Split): Promise<{ readonly rows: SplitRows; readonly threads: EncodeThreads }> {
  const encoder = await openEncoder(spec)
  const threads = new EncodeThreads({ ports, spec, at, own: await PieceEncoder.open(spec, at) })
  const tableOf = tablesOf(topics, (of, topic) => encoder.prepare(of, topic))
  return { rows: new SplitRows({ threads, tableOf, emit: ({ batch }) => emit(textsOf(batch)) }), threads }
}

test('rows come as from one thread, in order, whatever the reads and the pace of the sink', async () => {
  const random = randomOf(3)
  const bytes = copied(random, 60_000)
  const expected = await inOneThread(bytes)
  for (const count of [0, 1, 3]) {
    const got: string[] = []
    let emitted = 0
    const emit = async (texts: string[]): Promise<void> => {
      // Some batches take the sink longer than those after them would take it.
      if (random(3) === 0) await new Promise((resolve) => setImmediate(resolve))
      got.push(...texts)
      emitted += 1
    }
    const { rows, threads } = await split({ ports: Array.from({ length: count }, () => encodingThread().port), emit })
    using _threads = threads
    let waits = 0
    for (const [start, end] of runs(bytes, random)) {
      rows.add(shape, bytes, start, end)
      const wait = rows.pieceDone()
      if (wait !== undefined) waits += 1
      await wait
    }
    await rows.drain()
    assert.deepEqual(got, expected)
    assert.ok(emitted > 10, `${emitted} batches`)
    if (count > 0) assert.ok(waits > 0, 'reading never waited for the encoders')
  }
})

test('a line that is none ends the scan with its error, and nothing after it is emitted', async () => {
  const bytes = copied(randomOf(5), 20_000)
  const bad = Buffer.from([0x64, 0, 0, 0, 6, 0x31, 0x0a])
  const got: string[] = []
  const { rows, threads } = await split({
    ports: [encodingThread().port, encodingThread().port],
    emit: async (texts) => void got.push(...texts),
  })
  using _threads = threads
  const isProtocol = (error: unknown): boolean => error instanceof FeedError && error.code === 'FEED_PROTOCOL'
  await assert.rejects(async () => {
    for (const piece of [bytes, bad, bytes, bytes]) {
      rows.add(shape, piece, 0, piece.length)
      await rows.pieceDone()
    }
    await rows.drain()
  }, isProtocol)
  await assert.rejects(rows.drain(), isProtocol)
  const expected = await inOneThread(bytes)
  assert.deepEqual(got, expected.slice(0, got.length))
})

test('a sink that fails ends the scan with its error', async () => {
  const bytes = copied(randomOf(6), 20_000)
  const { rows, threads } = await split({
    ports: [encodingThread().port],
    emit: () => Promise.reject(new Error('the sink is full')),
  })
  using _threads = threads
  await assert.rejects(
    async () => {
      for (let i = 0; i < 20; i++) {
        rows.add(shape, bytes, 0, bytes.length)
        await rows.pieceDone()
      }
      await rows.drain()
    },
    { message: 'the sink is full' },
  )
})

test('a thread that dies ends the scan with an error that is retried', async () => {
  const bytes = copied(randomOf(7), 20_000)
  const { port, worker } = encodingThread()
  const { rows, threads } = await split({ ports: [port], emit: async () => undefined })
  using _threads = threads
  await assert.rejects(
    async () => {
      for (let i = 0; i < 200; i++) {
        rows.add(shape, bytes, 0, bytes.length)
        if (i === 3) await worker.terminate()
        await rows.pieceDone()
      }
      await rows.drain()
    },
    (error) => error instanceof FeedError && error.code === 'FEED_THREAD' && error.retry,
  )
})
