// What a storage sink counts of files that are drafted, put again, written in parts, or larger than they should be.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mebibyte, newFolder, Under, type Opening } from '../../../test/support/storage-sink-under-test.ts'
import { until } from '../../../test/support/until.ts'
import { feedMeter, type FeedCounter, type FeedMeter } from '../../core/feed-meter.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { NodelocalClient } from './nodelocal/open.ts'
import type { StorageClient, StorageDraft, StorageTrouble } from './storage-client.ts'

const withinMs = 10_000

/** A folder whose drafts, publications and puts may fail. */
class Fragile extends NodelocalClient {
  readonly failing = new Set<'draft' | 'publish' | 'put'>()
  pauseMs = 0

  override async draft(...call: Parameters<NodelocalClient['draft']>): Promise<StorageDraft> {
    this.#fail('draft')
    const draft = await super.draft(...call)
    return {
      ...draft,
      publish: async (signal) => {
        this.#fail('publish')
        await draft.publish(signal)
      },
    }
  }

  override async put(...call: Parameters<NodelocalClient['put']>): Promise<void> {
    this.#fail('put')
    const draft = await super.draft(...call)
    await draft.publish(call[2])
    await this.settle()
  }

  override trouble(error: unknown): StorageTrouble {
    return { ...super.trouble(error), pauseMs: this.pauseMs }
  }

  /** Once. */
  #fail(what: 'draft' | 'publish' | 'put'): void {
    if (this.failing.delete(what)) throw new FeedError('FEED_SINK', `no ${what}`)
  }
}

function open(opening: Opening = {}): { readonly under: Under; readonly client: Fragile; readonly meter: FeedMeter } {
  const folder = newFolder()
  const client = new Fragile({ name: 'nodelocal://1', externDir: folder, folders: [], feed: '7' })
  const meter = feedMeter()
  return { under: new Under({ client, folder, meter, ...opening }), client, meter }
}

function counts(meter: FeedMeter, ...names: readonly FeedCounter[]): readonly number[] {
  return names.map((name) => meter.value(name))
}

/** The key has three bytes, and a line feed follows the value in a file. */
const keyBytes = 3
const lineFeed = 1

test('a file whose draft or publication failed is counted as sent again, and its messages once', async () => {
  for (const [failing, requests, errors, retries, times] of [
    [[], 3, 0, 0, 1],
    // A draft, and what makes it visible and durable, are three calls. A put is one.
    [['draft'], 2, 1, 1, 2],
    [['publish'], 3, 1, 1, 2],
    [['draft', 'put'], 3, 2, 2, 3],
  ] as const) {
    const { under, client, meter } = open()
    await using sink = under
    for (const one of failing) client.failing.add(one)
    await sink.emit([0, 'v1'], [0, 'v2'])
    await sink.flush()
    const bytes = 2 * (2 + lineFeed)
    const what = failing.join()
    assert.deepEqual(counts(meter, 'messages', 'bytes', 'flushedBytes'), [2, 2 * (keyBytes + 2), bytes], what)
    assert.deepEqual(counts(meter, 'sinkRequests', 'sinkErrors', 'sinkRetries'), [requests, errors, retries], what)
    assert.equal(meter.value('bytesOut'), times * bytes, what)
    assert.deepEqual(sink.texts, ['v1\nv2\n'])
  }
})

test('a client that makes no drafts has one request for a file, and one for a resolved message', async () => {
  const folder = newFolder()
  const inner = new NodelocalClient({ name: 'nodelocal://1', externDir: folder, folders: [], feed: '7' })
  const client: StorageClient = {
    name: inner.name,
    minPartBytes: 1,
    put: (...call) => inner.put(...call),
    begin: (object) => inner.begin(object),
    trouble: (error) => inner.trouble(error),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
  const meter = feedMeter()
  await using under = new Under({ client, folder, meter })
  await under.emit([0, 'v'], [1, 'w'])
  await under.flush()
  assert.deepEqual(counts(meter, 'sinkRequests', 'messages', 'flushedBytes'), [2, 2, 4])
  await under.resolved(5)
  await under.flush()
  const resolved = '{"resolved":"5.0000000000"}'.length
  assert.deepEqual(counts(meter, 'sinkRequests', 'messages', 'flushedBytes'), [3, 2, 4 + resolved])
})

test('a pause for which the far end asks is counted as one', async () => {
  const { under, client, meter } = open()
  await using sink = under
  client.failing.add('draft').add('put')
  client.pauseMs = 20
  await sink.emit([0, 'v'])
  await sink.flush()
  assert.equal(meter.histogram('throttle').sum, 20e6)
})

test('a file that is written in parts is counted when it is complete, and its bytes as they are sent', async () => {
  const { under, meter } = open({ fileSize: 256 * mebibyte, budgetBytes: 16 * mebibyte })
  await using sink = under
  const row = 'x'.repeat(1023)
  const batches = 40
  const rows = batches * 1024
  for (let i = 0; i < batches; i++) await sink.emit(...Array.from({ length: 1024 }, () => [0, row] as const))
  assert.equal(meter.value('messages'), 0)
  assert.ok(meter.value('bytesOut') > 8 * mebibyte)
  await sink.flush()
  const stored = rows * 1024
  assert.deepEqual(counts(meter, 'messages', 'bytes'), [rows, rows * (keyBytes + 1023)])
  assert.deepEqual(counts(meter, 'flushedBytes', 'bytesOut', 'sizeBasedFlushes'), [stored, stored, 0])
  assert.equal(meter.histogram('batchMessages').sum, rows)
  assert.equal(sink.files.length, 1)
})

test('what is held is counted until it is written, also if nothing comes any more', async () => {
  const { under, meter } = open({ fileSize: 100 })
  await using sink = under
  // More files could grow together on a slow machine.
  await sink.emit(...Array.from({ length: 14 }, () => [0, 'x'.repeat(60)] as const))
  await until('all files are written', withinMs, () => (meter.value('bufferedBytes') === 0 ? true : undefined))
  assert.deepEqual(counts(meter, 'messages', 'sizeBasedFlushes'), [14, 7])
})
