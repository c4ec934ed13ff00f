import assert from 'node:assert/strict'
import test from 'node:test'
import { FeedError } from '../errors/feed-error.ts'
import type { CopyHandler } from '../postgres/copy-stream.ts'
import { bulkPull, type Pulled } from './bulk-pull.ts'

const head = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])
const trailer = Buffer.of(255, 255)

function tuple(text: string, fields = 1): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeInt16BE(fields, 0)
  bytes.writeInt32BE(text.length, 2)
  return Buffer.concat([bytes, Buffer.from(text)])
}

interface Outcome {
  readonly pulled: Pulled
  readonly texts: string[]
}

/** Messages that lie together come as a run, others alone: both must give the same. */
async function pull(payloads: readonly Buffer[]): Promise<Outcome> {
  const alone = await pullBy(payloads, false).catch((error: unknown) => error)
  const together = await pullBy(payloads, true).catch((error: unknown) => error)
  assert.deepEqual(together, alone)
  if (alone instanceof Error) throw alone
  return alone as Outcome
}

async function pullBy(payloads: readonly Buffer[], isRun: boolean): Promise<Outcome> {
  const texts: string[] = []
  const connection = {
    async copyOut(_sql: string, handler: CopyHandler): Promise<void> {
      if (isRun) {
        const bytes = Buffer.concat([Buffer.alloc(4), ...payloads.map(copyData)])
        handler.run?.(bytes, 4, bytes.length)
      } else {
        for (const payload of payloads) {
          const bytes = Buffer.concat([Buffer.alloc(4), payload, Buffer.alloc(4)])
          handler.data(bytes, 4, 4 + payload.length)
        }
      }
      await handler.chunkDone?.()
    },
  }
  const message = (bytes: Buffer, start: number, end: number): number => texts.push(bytes.toString('utf8', start, end))
  const pulled = await bulkPull({
    connection,
    slot: 's',
    logEnd: 0n,
    maxMessages: 10,
    message,
    chunkDone: () => undefined,
  })
  return { pulled, texts }
}

function copyData(payload: Buffer): Buffer {
  const head = Buffer.from('d\0\0\0\0')
  head.writeInt32BE(4 + payload.length, 1)
  return Buffer.concat([head, payload])
}

test('tuples come out whether the head stands alone or before the first', async () => {
  for (const payloads of [
    [Buffer.concat([head, tuple('one')]), tuple('two'), tuple(''), trailer],
    [head, tuple('one'), tuple('two'), tuple(''), trailer],
  ]) {
    assert.deepEqual(await pull(payloads), { pulled: { messages: 3, bytes: 6 }, texts: ['one', 'two', ''] })
  }
  for (const payloads of [[head, trailer], [Buffer.concat([head, trailer])]]) {
    assert.deepEqual(await pull(payloads), { pulled: { messages: 0, bytes: 0 }, texts: [] })
  }
})

test('anything else is refused', async () => {
  const refused: readonly (readonly Buffer[])[] = [
    [head, tuple('one')],
    [head, tuple('one', 2), trailer],
    [head, tuple('one').subarray(0, 8), trailer],
    [head, tuple('one').subarray(0, 3), trailer],
    [head, Buffer.of(0), trailer],
    [head, trailer, tuple('one')],
    [],
  ]
  for (const payloads of refused) {
    await assert.rejects(pull(payloads), (error) => error instanceof FeedError && error.code === 'FEED_PROTOCOL')
  }
})
