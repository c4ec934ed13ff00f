// A storage sink whose far end fails, is slow or takes too long, and one that has less memory than its files are large.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { mebibyte, newFolder, Under } from '../../../test/support/storage-sink-under-test.ts'
import { until } from '../../../test/support/until.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { NodelocalClient } from './nodelocal/open.ts'
import type { StorageClient, StorageDraft, StorageUpload } from './storage-client.ts'

/** Says what a client is called with. Each call fails until `fails` is 0. */
class Recorder implements StorageClient {
  readonly name = 'nodelocal://1'
  readonly minPartBytes = 5 * mebibyte
  readonly calls: string[] = []
  readonly parts: number[] = []
  tag: 'failed' | 'expired' | 'refused' = 'failed'
  fails = 0
  hint: string | undefined
  /** How long a put takes. */
  takesMs = 0
  /** So many calls of `put` are never answered. */
  hangs = 0
  readonly #inner: NodelocalClient

  constructor(folder: string) {
    this.#inner = new NodelocalClient({ name: this.name, externDir: folder, folders: [], feed: '7' })
  }

  async put(...call: Parameters<StorageClient['put']>): Promise<void> {
    this.#called('put')
    // It is the time that a slow far end takes.
    if (this.takesMs > 0) await delay(this.takesMs)
    if (this.hangs-- > 0) await new Promise(() => undefined)
    await this.#inner.put(...call)
  }

  async begin(object: Parameters<StorageClient['begin']>[0]): Promise<StorageUpload> {
    this.#called('begin')
    const upload = await this.#inner.begin(object)
    return {
      write: async (part, signal) => {
        this.#called('write')
        this.parts.push(part.length)
        await upload.write(part, signal)
      },
      complete: async (signal) => {
        this.#called('complete')
        await upload.complete(signal)
      },
      abort: () => {
        this.#called('abort')
        return upload.abort()
      },
    }
  }

  async renew(): Promise<void> {
    this.calls.push('renew')
  }

  trouble(): ReturnType<StorageClient['trouble']> {
    return { tag: this.tag, error: new FeedError('FEED_SINK', 'out of order', { hint: this.hint }) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.calls.push('dispose')
  }

  #called(what: string): void {
    this.calls.push(what)
    if (this.fails === 0) return
    this.fails -= 1
    throw new Error('broken')
  }
}

test('a far end that takes nothing is named with its error and what to do', async () => {
  const folder = newFolder()
  const client = new Recorder(folder)
  client.hint = 'free space on the disk'
  await using under = new Under({ client, folder, retry: { max: 1e9, backoffMs: 1 } })
  client.fails = 1e9
  await under.emit([0, 'a'])
  const flushed = under.flush()
  await until('it has failed', 10_000, () => (client.calls.length > 1 ? true : undefined))
  assert.equal(under.sink.stalled?.(0), undefined)
  assert.match(under.sink.stalled?.(60_000)?.why ?? '', /nothing since \S+: out of order; free space on the disk$/)
  client.fails = 0
  await flushed
})

test('what fails is sent again, after expired credentials with new ones', async () => {
  const folder = newFolder()
  const client = new Recorder(folder)
  await using under = new Under({ client, folder })
  client.fails = 2
  await under.emit([0, 'v'])
  await under.flush()
  assert.deepEqual(client.calls, ['put', 'put', 'put'])
  client.fails = 1
  client.tag = 'expired'
  await under.emit([0, 'w'])
  await under.flush()
  assert.deepEqual(client.calls.slice(3), ['put', 'renew', 'put'])
  assert.deepEqual(under.texts, ['v\n', 'w\n'])
})

test('files become visible in their order, however long their drafts take, and what is no draft is put', async () => {
  const folder = newFolder()
  class Drafting extends NodelocalClient {
    readonly visible: string[] = []
    settled = 0
    override async draft(...[given, pieces, signal]: Parameters<NodelocalClient['draft']>): Promise<StorageDraft> {
      const name = given.name.replace(/^.*-(t\d)-.*$/, '$1')
      if (name === 't3') throw new Error('no draft')
      // The first of two drafts is the slower one.
      await delay(name === 't1' ? 50 : 0)
      const draft = await super.draft(given, pieces, signal)
      return {
        ...draft,
        publish: async () => {
          await draft.publish(signal)
          this.visible.push(name)
        },
      }
    }
    override async put(...call: Parameters<NodelocalClient['put']>): Promise<void> {
      const draft = await super.draft(...call)
      await draft.publish(call[2])
      this.visible.push(call[0].name.endsWith('RESOLVED') ? `resolved after ${this.settled}` : 'put')
    }
    override async settle(): Promise<void> {
      await super.settle()
      this.settled += 1
    }
  }
  const client = new Drafting({ name: 'nodelocal://1', externDir: folder, folders: [], feed: '7' })
  await using under = new Under({ client, folder, topics: ['t1', 't2', 't3', 't4'] })
  await under.emit([0, 'v'], [1, 'v'], [2, 'v'], [3, 'v'])
  await under.resolved(5)
  await under.flush()
  assert.deepEqual(client.visible, ['t1', 't2', 'put', 't4', 'resolved after 1'])
  assert.equal(under.files.length, 5)
})

test('what fails too often, or is refused, ends the sink, and no later file is written', async () => {
  for (const [tag, calls] of [
    ['failed', ['put', 'put', 'put']],
    ['refused', ['put']],
  ] as const) {
    const folder = newFolder()
    const client = new Recorder(folder)
    await using under = new Under({ client, folder })
    client.fails = Infinity
    client.tag = tag
    await under.emit([0, 'v'], [1, 'w'])
    await assert.rejects(under.flush(), /out of order/)
    assert.deepEqual(client.calls, calls)
    await assert.rejects(under.emit([0, 'x']), /out of order/)
    assert.equal(under.sink.failed.aborted, true)
  }
})

test('a file for which a place takes too long is sent again, and the reason is told', async () => {
  const folder = newFolder()
  const client = new Recorder(folder)
  const said: string[] = []
  await using under = new Under({ client, folder, timeoutMs: 400, warn: (text) => said.push(text) })
  client.hangs = 2
  await under.emit([0, 'v'])
  await under.flush()
  assert.deepEqual([client.calls, under.texts], [['put', 'put', 'put'], ['v\n']])
  assert.match(
    said[0] ?? '',
    /^nodelocal:\/\/1 took longer than 400ms for a file or a part of one; .*cloudstorage\.timeout.*; attempt 2 in /,
  )
})

test('a file that is larger than the memory of the sink is written in parts, and is one file', async () => {
  const folder = newFolder()
  const client = new Recorder(folder)
  await using under = new Under({ client, folder, fileSize: 256 * mebibyte, budgetBytes: 24 * mebibyte })
  const row = 'x'.repeat(1023)
  for (let i = 0; i < 60; i++) await under.emit(...Array.from({ length: 1024 }, () => [0, row] as const))
  await under.flush(5)
  assert.deepEqual([client.calls.filter((call) => call === 'begin').length, under.files.length], [1, 1])
  assert.ok(client.parts.length > 2)
  assert.ok(
    client.parts.slice(0, -1).every((length) => length >= client.minPartBytes),
    `parts of ${client.parts.join()}`,
  )
  assert.equal(under.texts[0]?.length, 60 * mebibyte)
})

test('with many tables the memory is bounded, and files become smaller instead', async () => {
  const tables = 200
  const folder = newFolder()
  const client = new Recorder(folder)
  const topics = Array.from({ length: tables }, (_, i) => `t${i}`)
  await using under = new Under({ client, folder, topics, fileSize: 16 * mebibyte, budgetBytes: 8 * mebibyte })
  const row = 'x'.repeat(999)
  for (let i = 0; i < 20; i++) {
    await under.emit(...Array.from({ length: 2000 }, (_, n) => [n % tables, `${i} ${row}`] as const))
  }
  await under.flush(5)
  const perTopic = Map.groupBy(under.files, ({ topic }) => topic)
  assert.equal(perTopic.size, tables)
  for (const files of perTopic.values()) {
    const numbers = files.flatMap(({ text }) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => Number.parseInt(line, 10)),
    )
    assert.equal(numbers.length, 200)
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
    )
  }
})

test('a sink that is closed in the middle of a large file leaves nothing of it', async () => {
  const folder = newFolder()
  const client = new Recorder(folder)
  const under = new Under({ client, folder, fileSize: 256 * mebibyte, budgetBytes: 16 * mebibyte })
  const row = 'x'.repeat(1023)
  for (let i = 0; i < 30; i++) await under.emit(...Array.from({ length: 1024 }, () => [0, row] as const))
  await under[Symbol.asyncDispose]()
  assert.deepEqual([client.calls.includes('abort'), client.calls.at(-1)], [true, 'dispose'])
  assert.deepEqual(under.files, [])
})

test(
  'files grow while a slow far end cannot take them as fast as they come, and only then',
  { timeout: 180_000 },
  async () => {
    const folder = newFolder()
    const client = new Recorder(folder)
    await using under = new Under({ client, folder, fileSize: 100 })
    const emit = (from: number, to: number): Promise<void> =>
      under.emit(...Array.from({ length: to - from }, (_, i) => [i % 2, String(from + i).padEnd(60, 'x')] as const))
    // So few may wait even if they take long on this machine.
    const few = 12
    await emit(0, few)
    await under.flush()
    assert.equal(under.files.length, few / 2)
    client.takesMs = 20
    const rows = 50_000
    for (let from = few; from < rows; from += 1000) await emit(from, Math.min(from + 1000, rows))
    await under.flush()
    assert.ok(under.files.length < 1000, String(under.files.length))
    client.takesMs = 0
    await emit(rows, rows + few)
    await under.flush()
    assert.ok(under.files.slice(-few / 2).every(({ text }) => text.length < 200))
    for (const topic of [0, 1]) {
      const numbers = under.files
        .filter((file) => file.topic === `t${topic + 1}`)
        .flatMap(({ text }) => text.trimEnd().split('\n'))
        .map((line) => Number.parseInt(line, 10))
      assert.deepEqual(
        numbers,
        Array.from({ length: (rows + few) / 2 }, (_, i) => 2 * i + topic),
      )
    }
  },
)

test(
  'a checkpoint waits for few files of a slow far end, however small they should be',
  { timeout: 180_000 },
  async () => {
    const folder = newFolder()
    const client = new Recorder(folder)
    await using under = new Under({ client, folder, fileSize: 100 })
    client.takesMs = 50
    const rows = 300
    for (let checkpoint = 0; checkpoint < 3; checkpoint++) {
      const before = client.calls.length
      const row = (i: number): string => String(checkpoint * rows + i).padEnd(120, 'x')
      await under.emit(...Array.from({ length: rows }, (_, i) => [i % 2, row(i)] as const))
      await under.flush(checkpoint + 2)
      const files = client.calls.length - before
      assert.ok(files <= 12, `${files} files`)
      await under.resolved(checkpoint + 2)
    }
    await under.flush()
    const text = under.files.map((file) => (file.topic === undefined ? '' : file.text)).join('')
    const numbers = Array.from(text.matchAll(/^(\d+)x/gm), ([, number]) => Number(number))
    for (const topic of [0, 1]) {
      assert.deepEqual(
        numbers.filter((number) => number % 2 === topic),
        Array.from({ length: (3 * rows) / 2 }, (_, i) => 2 * i + topic),
      )
    }
  },
)
