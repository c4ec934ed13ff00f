import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { filesIn, isFolder, namesIn, type FolderFile } from '../../../test/support/read-folder.ts'
import { MessageBatch } from '../../core/message-batch.ts'
import type { Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { FileNames, timeDigits, topicInName, type Partitioning } from './file-names.ts'
import { lines } from './files/lines.ts'
import { NodelocalClient } from './nodelocal/open.ts'
import type { StorageClient, StorageDraft, StorageUpload } from './storage-client.ts'
import { StorageSink, type StorageSinkOptions } from './storage-sink.ts'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'storage-'))
})
after(() => rm(dir, { recursive: true, force: true }))

const mebibyte = 1024 * 1024
let folders = 0

interface Opening extends Partial<Omit<StorageSinkOptions, 'names'>> {
  readonly folder?: string
  readonly partitioning?: Partitioning
  readonly session?: string
  readonly compression?: 'gzip' | 'zstd'
}

class Under implements AsyncDisposable {
  readonly folder: string
  readonly sink: StorageSink

  constructor(opening: Opening = {}) {
    const { folder = join(dir, String(++folders)), partitioning = 'daily', session, compression, ...options } = opening
    this.folder = folder
    const format = options.format ?? lines({ extension: 'ndjson', compression })
    this.sink = new StorageSink({
      client: new NodelocalClient({ name: 'nodelocal://1', externDir: folder, folders: [], feed: '7' }),
      format,
      names: new FileNames({ partitioning, extension: format.extension, session: session ?? 'a'.repeat(16), sink: 7 }),
      topics: ['t1', 't2'],
      firstTime: at(1),
      fileSize: mebibyte,
      budgetBytes: 64 * mebibyte,
      timeoutMs: 0,
      retry: { max: 2, backoffMs: 1 },
      warn: () => undefined,
      signal: new AbortController().signal,
      ...options,
    })
  }

  emit(...rows: readonly (readonly [topic: number, value: string, schema?: number])[]): Promise<void> {
    const batch = new MessageBatch()
    for (const [topic, value, schema = 1] of rows) {
      batch.begin(topic, schema)
      batch.bytes.utf8('[1]')
      batch.endKey()
      batch.bytes.utf8(value)
      batch.end(true)
    }
    return this.sink.emit(batch)
  }

  flush(wall?: number): Promise<void> {
    return this.sink.flush(wall === undefined ? undefined : at(wall))
  }

  async resolved(wall: number): Promise<void> {
    await this.sink.emitResolved({ at: at(wall), payload: () => Buffer.from(`{"resolved":"${wall}.0000000000"}`) })
  }

  get files(): readonly FolderFile[] {
    return filesIn(this.folder)
  }

  get texts(): readonly string[] {
    return this.files.map(({ text }) => text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sink[Symbol.asyncDispose]()
  }
}

function at(wall: number): Hlc {
  return { wall: BigInt(wall), logical: 0 }
}

test('a name has the time, the session, the node, the sink, the file, the topic and the schema', () => {
  const wall = 1_676_387_829_538_529_450n
  assert.equal(timeDigits({ wall, logical: 12 }), '202302141517095385294500000000012')
  const names = new FileNames({ partitioning: 'daily', extension: 'ndjson', session: 'fd95dcb2f9d5d0e6', sink: 2 })
  const time = { wall, logical: 0 }
  assert.equal(
    names.next(time, 'foo', 1),
    '2023-02-14/202302141517095385294500000000000-fd95dcb2f9d5d0e6-1-2-00000000-foo-1.ndjson',
  )
  assert.match(names.next(time, 'foo', 0x1f), /-00000001-foo-1f\.ndjson$/)
  assert.equal(names.resolved(time), '2023-02-14/202302141517095385294500000000000.RESOLVED')
  const hourly = new FileNames({ partitioning: 'hourly', extension: 'csv.gz' })
  assert.match(hourly.next(time, 'foo', 1), /^2023-02-14\/15\/2023.*\.csv\.gz$/)
  const flat = new FileNames({ partitioning: 'flat', extension: 'csv' })
  assert.match(flat.next(time, 'foo', 1), /^\d{33}-[0-9a-f]{16}-1-\d+-00000000-foo-1\.csv$/)
  assert.equal(topicInName('pre_"Caf\u00e9" a.b+c'), 'pre_"Caf\u00e9" a.b+c')
  assert.equal(topicInName('../a/b\n'), '.._u002f_a_u002f_b_u000a_')
})

test('a name that would sort before the name before it is never given', () => {
  const names = new FileNames({ partitioning: 'daily', extension: 'ndjson' })
  names.next(at(2), 'a', 1)
  assert.throws(() => names.next(at(1), 'a', 1), { code: 'FEED_BUG' })
})

test('a flush writes what was emitted, and nothing when nothing was', async () => {
  for (const compression of [undefined, 'gzip', 'zstd'] as const) {
    await using under = new Under(compression === undefined ? {} : { compression })
    await under.flush()
    assert.equal(isFolder(under.folder), false)
    await under.emit([0, 'v1'], [0, 'v2'], [1, 'w1'])
    await under.flush()
    assert.deepEqual(under.texts, ['v1\nv2\n', 'w1\n'])
    await under.flush()
    await under.emit([0, 'v3'])
    assert.deepEqual(under.texts, ['v1\nv2\n', 'w1\n'])
    await under.flush(3)
    await under.emit([0, 'v4'], [0, 'v5', 2])
    await under.flush()
    assert.deepEqual(under.texts, ['v1\nv2\n', 'w1\n', 'v3\n', 'v4\n', 'v5\n'])
    for (const name of namesIn(under.folder))
      assert.match(name, { none: /\.ndjson$/, gzip: /\.ndjson\.gz$/, zstd: /\.ndjson\.zst$/ }[compression ?? 'none'])
  }
})

test('a session that is opened again writes over the same names, and another session repeats the rows', async () => {
  const folder = join(dir, String(++folders))
  for (const session of ['a', 'a', 'b']) {
    await using under = new Under({ folder, session: session.repeat(16) })
    await under.emit([0, 'v1'])
    await under.flush()
  }
  assert.deepEqual(
    filesIn(folder).map(({ text }) => text),
    ['v1\n', 'v1\n'],
  )
})

test('a file of more than file_size is finished, and a resolved file comes between its rows and the later ones', async () => {
  await using under = new Under({ fileSize: 6 })
  const written = async (count: number): Promise<readonly string[]> => {
    const deadline = Date.now() + 5000
    while (under.texts.length < count && Date.now() < deadline) await new Promise((done) => setTimeout(done, 5))
    return under.texts
  }
  await under.emit([0, 'v1'], [0, 'v2'], [0, 'v3'], [0, 'v4'], [0, 'v5'])
  assert.deepEqual(await written(1), ['v1\nv2\nv3\n'])
  await under.flush()
  assert.deepEqual(under.texts, ['v1\nv2\nv3\n', 'v4\nv5\n'])
  await under.flush(5)
  await under.emit([0, 'v6'], [0, 'v7'], [0, 'v8'], [0, 'v9'])
  assert.deepEqual(await written(3), ['v1\nv2\nv3\n', 'v4\nv5\n', 'v6\nv7\nv8\n'])
  await under.resolved(5)
  const first = '{"resolved":"5.0000000000"}'
  assert.deepEqual(await written(4), ['v1\nv2\nv3\n', 'v4\nv5\n', first, 'v6\nv7\nv8\n'])
  await under.flush()
  await under.resolved(6)
  await under.flush()
  const second = '{"resolved":"6.0000000000"}'
  assert.deepEqual(under.texts, ['v1\nv2\nv3\n', 'v4\nv5\n', first, 'v6\nv7\nv8\n', 'v9\n', second])
})

test('files of rows of a day and an hour are in the folder that partition_format says', async () => {
  const times = ['2000-01-01T01:01:01Z', '2000-01-01T01:02:01Z', '2000-01-01T02:01:01Z', '2000-01-02T01:01:01Z']
  for (const [partitioning, expected] of [
    ['hourly', ['2000-01-01/01', '2000-01-01/02', '2000-01-02/01']],
    ['daily', ['2000-01-01', '2000-01-02']],
    ['flat', ['']],
  ] as const) {
    const walls = times.map((time) => BigInt(Date.parse(time)) * 1_000_000n)
    await using under = new Under({ partitioning, firstTime: { wall: walls[0] as bigint, logical: 0 } })
    for (const wall of walls) {
      await under.sink.flush({ wall, logical: 0 })
      await under.emit([0, 'v'])
    }
    await under.flush()
    const found = new Set(namesIn(under.folder).map((name) => name.replace(/\/?[^/]*$/, '')))
    assert.deepEqual([...found], expected)
    assert.equal(under.files.length, times.length)
  }
})

test('tables of other columns whose rows come by turns have a file each, also if their topics share a name', async () => {
  await using under = new Under({ topics: ['t', 't'] })
  for (let n = 0; n < 20; n++) await under.emit([0, `a${n}`, 1], [1, `b${n}`, 2])
  await under.flush()
  const texts = ['a', 'b'].map((table) => Array.from({ length: 20 }, (_, n) => `${table}${n}\n`).join(''))
  assert.deepEqual(under.texts, texts)
})

test('rows of several schemas never share a file, and their files sort in the order in which the rows came', async () => {
  await using under = new Under()
  await under.emit([0, 'a', 9], [0, 'b', 2], [1, 'x', 2], [0, 'c', 9], [0, 'd', 9])
  await under.flush()
  assert.deepEqual(under.texts, ['a\n', 'b\n', 'c\nd\n', 'x\n'])
})

test('topics that share a name share files, in the order of their rows', async () => {
  await using under = new Under({ topics: ['same', 'same'] })
  await under.emit([0, 'a'], [1, 'b'], [0, 'c'])
  await under.flush()
  assert.deepEqual(under.texts, ['a\nb\nc\n'])
})

test('every file of CSV begins with the line of its schema', async () => {
  const header = (schema: number): Buffer => Buffer.from(`columns of ${schema}`)
  await using under = new Under({ format: lines({ extension: 'csv', header }) })
  await under.emit([0, '1', 4], [0, '2', 4], [0, '3', 5])
  await under.flush()
  assert.deepEqual(under.texts, ['columns of 4\n1\n2\n', 'columns of 5\n3\n'])
})

test('a large file is compressed into one that readers take as a whole', async () => {
  const row = 'x'.repeat(1000)
  for (const compression of ['gzip', 'zstd'] as const) {
    await using under = new Under({ compression, fileSize: 64 * mebibyte })
    const count = 6000
    for (let from = 0; from < count; from += 1000)
      await under.emit(...Array.from({ length: 1000 }, (_, i) => [0, `${from + i} ${row}`] as const))
    await under.flush()
    assert.equal(under.files.length, 1)
    const found = under.texts[0]?.trimEnd().split('\n') ?? []
    assert.deepEqual([found.length, found.at(0)?.slice(0, 3), found.at(-1)?.slice(0, 6)], [count, '0 x', '5999 x'])
  }
})

/** Says what a client is called with. Each call fails until `fails` is 0. */
class Recorder implements StorageClient {
  readonly name = 'nodelocal://1'
  readonly minPartBytes = 5 * mebibyte
  readonly calls: string[] = []
  readonly parts: number[] = []
  tag: 'failed' | 'expired' | 'refused' = 'failed'
  fails = 0
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
    return { tag: this.tag, error: new FeedError('FEED_SINK', 'out of order') }
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

test('what fails is sent again, after expired credentials with new ones', async () => {
  const folder = join(dir, String(++folders))
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
  const folder = join(dir, String(++folders))
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
    const folder = join(dir, String(++folders))
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
  const folder = join(dir, String(++folders))
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
  const folder = join(dir, String(++folders))
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
  const folder = join(dir, String(++folders))
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
  const folder = join(dir, String(++folders))
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
  { timeout: 60_000 },
  async () => {
    const folder = join(dir, String(++folders))
    const client = new Recorder(folder)
    await using under = new Under({ client, folder, fileSize: 100 })
    const emit = (from: number, to: number): Promise<void> =>
      under.emit(...Array.from({ length: to - from }, (_, i) => [i % 2, String(from + i).padEnd(60, 'x')] as const))
    await emit(0, 120)
    await under.flush()
    assert.equal(under.files.length, 60)
    client.takesMs = 20
    const rows = 50_000
    for (let from = 120; from < rows; from += 1000) await emit(from, Math.min(from + 1000, rows))
    await under.flush()
    assert.ok(under.files.length < 1000, String(under.files.length))
    client.takesMs = 0
    await emit(rows, rows + 120)
    await under.flush()
    assert.ok(under.files.slice(-60).every(({ text }) => text.length < 200))
    for (const topic of [0, 1]) {
      const numbers = under.files
        .filter((file) => file.topic === `t${topic + 1}`)
        .flatMap(({ text }) => text.trimEnd().split('\n'))
        .map((line) => Number.parseInt(line, 10))
      assert.deepEqual(
        numbers,
        Array.from({ length: (rows + 120) / 2 }, (_, i) => 2 * i + topic),
      )
    }
  },
)
