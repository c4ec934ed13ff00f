// For tests of the storage sink: one over a folder, and what is in that. The folders of a test file are removed when it ends.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { Hlc } from '../../src/core/hlc.ts'
import { MessageBatch } from '../../src/core/message-batch.ts'
import { FileNames, type Partitioning } from '../../src/sink/storage/file-names.ts'
import { lines } from '../../src/sink/storage/files/lines.ts'
import { NodelocalClient } from '../../src/sink/storage/nodelocal/open.ts'
import { StorageSink, type StorageSinkOptions } from '../../src/sink/storage/storage-sink.ts'
import { filesIn, type FolderFile } from './read-folder.ts'

let dir = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'storage-'))
})
after(() => rm(dir, { recursive: true, force: true }))

export const mebibyte = 1024 * 1024
let folders = 0

/** The path of a folder that is not there yet. */
export function newFolder(): string {
  return join(dir, String(++folders))
}

export interface Opening extends Partial<Omit<StorageSinkOptions, 'names'>> {
  readonly folder?: string
  readonly partitioning?: Partitioning
  readonly session?: string
  readonly compression?: 'gzip' | 'zstd'
}

export class Under implements AsyncDisposable {
  readonly folder: string
  readonly sink: StorageSink

  constructor(opening: Opening = {}) {
    const { folder = newFolder(), partitioning = 'daily', session, compression, ...options } = opening
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

export function at(wall: number): Hlc {
  return { wall: BigInt(wall), logical: 0 }
}
