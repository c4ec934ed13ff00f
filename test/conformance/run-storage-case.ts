// Cases of the sink for files, over a folder. What a step does is written in words: here is each of them as code. What must come of it is read
// from the data: the contents of the files in the order of their names.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hlc } from '../../src/core/hlc.ts'
import { FileNames, type Partitioning } from '../../src/sink/storage/file-names.ts'
import { lines } from '../../src/sink/storage/files/lines.ts'
import { NodelocalClient } from '../../src/sink/storage/nodelocal/open.ts'
import { readCommon } from '../../src/sink/storage/parameters.ts'
import { StorageSink } from '../../src/sink/storage/storage-sink.ts'
import { readSinkUri } from '../../src/sink/sink-uri.ts'
import { filesIn, isFolder, namesIn } from '../support/read-folder.ts'
import { until } from '../support/until.ts'
import { batchOf } from '../suites/sink-kit.ts'
import type { ConformanceCase } from './cases.ts'

const withinMs = 10_000

interface Opening {
  readonly compression?: 'gzip'
  readonly fileSize?: number
  readonly partitioning?: Partitioning
  readonly session?: string
  readonly sink?: number
  readonly firstTime?: Hlc
}

/** The tables of the cases. */
const topics = ['t1', 't2']
const at = (wall: number | bigint): Hlc => ({ wall: BigInt(wall), logical: 0 })

class Folder {
  readonly dir: string
  readonly #opening: Opening
  readonly #opened = new Map<string, StorageSink>()

  constructor(dir: string, opening: Opening = {}) {
    this.dir = dir
    this.#opening = opening
  }

  get texts(): readonly string[] {
    return isFolder(this.dir) ? filesIn(this.dir).map(({ text }) => text) : []
  }

  /** The sink of a name, opened when it is asked for first. */
  sink(name = 's', more: Opening = {}): StorageSink {
    const known = this.#opened.get(name)
    if (known !== undefined) return known
    const { compression, fileSize = 1024 * 1024, ...opening } = { ...this.#opening, ...more }
    const { partitioning = 'daily', session = 'a'.repeat(16), sink = 7, firstTime = at(1) } = opening
    const format = lines({ extension: 'ndjson', compression })
    const opened = new StorageSink({
      client: new NodelocalClient({ name: 'nodelocal://1', externDir: this.dir, folders: [], feed: '1' }),
      format,
      names: new FileNames({ partitioning, extension: format.extension, session, sink }),
      topics,
      firstTime,
      fileSize,
      budgetBytes: 64 * 1024 * 1024,
      timeoutMs: 0,
      retry: { max: 2, backoffMs: 1 },
      warn: () => undefined,
      signal: new AbortController().signal,
    })
    this.#opened.set(name, opened)
    return opened
  }

  /** `t1 v1` or `v1`: a row of a table, of the first one if none is named. `schema`: of all rows. */
  async emit(rows: readonly string[], { schema = 1, sink = this.sink() } = {}): Promise<void> {
    const messages = rows.map((row) => {
      const [value = '', table = 't1'] = row.split(' ').reverse()
      return { topic: topics.indexOf(table), key: '[1]', value, schema }
    })
    await sink.emit(batchOf(...messages))
  }

  flush(wall?: number): Promise<void> {
    return this.sink().flush(wall === undefined ? undefined : at(wall))
  }

  resolved(wall: number): Promise<void> {
    const payload = Buffer.from(`{"resolved":"${wall}.0000000000"}`)
    return this.sink().emitResolved({ at: at(wall), payload: () => payload })
  }

  async close(): Promise<void> {
    for (const sink of this.#opened.values()) await sink[Symbol.asyncDispose]()
    this.#opened.clear()
  }
}

type Steps = Readonly<Record<string, (folder: Folder) => Promise<void>>>

interface StorageCase {
  readonly openings: readonly Opening[]
  readonly steps: Steps
  /** What a step expects are the files that are new, not all of them. */
  readonly isOfNewFiles?: true
}

const cases: Readonly<Record<string, StorageCase>> = {
  'cloud-001': {
    openings: [{}, { compression: 'gzip' }],
    isOfNewFiles: true,
    steps: {
      'Flush with nothing emitted -> no file': async (folder) => {
        await folder.flush()
        assert.deepEqual(folder.texts, [])
      },
      'emit t1 v1@1, t1 v2@1, t2 w1@3; Flush': async (folder) => {
        await folder.emit(['t1 v1', 't1 v2', 't2 w1'])
        await folder.flush()
      },
      'Flush again -> nothing new': nothingNew((folder) => folder.flush()),
      'emit t1 v3@3 (no flush) -> nothing new': nothingNew((folder) => folder.emit(['v3'])),
      Flush: (folder) => folder.flush(),
      'advance frontier to 4; Flush; emit t1 v4@4; bump t1 schema version; emit t1 v5@5; Flush': async (folder) => {
        await folder.flush(3)
        await folder.emit(['v4'])
        await folder.emit(['v5'], { schema: 2 })
        await folder.flush()
      },
    },
  },
  'cloud-002': {
    openings: [{}],
    steps: {
      'two sinks (node 1 session a, node 2 session b), both sink id 0; s1 emits v1@1, s2 emits w1@1; both flush': (
        folder,
      ) => bothEmit(folder, 0),
      'restart: s1 again sink id 0 session a, s2 sink id 7 session b; both re-emit and flush': async (folder) => {
        await folder.close()
        await bothEmit(folder, 7)
      },
    },
  },
  'cloud-004': {
    openings: [{ fileSize: 6 }],
    steps: {
      'file_size=6; emit v1@1..v5@5': (folder) => folder.emit(['v1', 'v2', 'v3', 'v4', 'v5']),
      Flush: (folder) => folder.flush(),
      'advance frontier to 5; Flush; emit v6@6..v9@9': async (folder) => {
        await folder.flush(5)
        await folder.emit(['v6', 'v7', 'v8', 'v9'])
      },
      'EmitResolved(5)': (folder) => folder.resolved(5),
      'Flush; EmitResolved(6)': async (folder) => {
        await folder.flush()
        await folder.resolved(6)
      },
    },
  },
  'cloud-007': {
    openings: [{ fileSize: 10 }],
    steps: {
      // One reader follows the log of a table here, so that a row of an earlier version never comes behind one of a later version.
      'file_size=10; emit version0 v1, version1 v3, version0 trigger-flush-v1': (folder) =>
        folder.emit(['v1', 'trigger-flush-v1'], { schema: 0 }),
      'emit version0 v2, version1 trigger-flush-v3': async (folder) => {
        await folder.emit(['v2'], { schema: 0 })
        await folder.emit(['v3', 'trigger-flush-v3'], { schema: 1 })
      },
      'emit version1 w1, version0 x1; Flush': async (folder) => {
        await folder.emit(['x1'], { schema: 0 })
        await folder.emit(['w1'], { schema: 1 })
        await folder.flush()
      },
    },
  },
}

function nothingNew(act: (folder: Folder) => Promise<void>) {
  return async (folder: Folder): Promise<void> => {
    const { texts } = folder
    await act(folder)
    assert.deepEqual(folder.texts, texts)
  }
}

async function bothEmit(folder: Folder, secondSink: number): Promise<void> {
  const sinks = [
    [folder.sink('s1', { sink: 0 }), 'v1'],
    [folder.sink('s2', { sink: secondSink, session: 'b'.repeat(16) }), 'w1'],
  ] as const
  for (const [sink, value] of sinks) await folder.emit([value], { sink })
  for (const [sink] of sinks) await sink.flush(undefined)
}

export async function runStorageCase(original: ConformanceCase): Promise<void> {
  if (original.id === 'cloud-005') return partitions(original)
  const known = cases[original.id]
  assert.ok(known !== undefined, `the runner does not know ${original.id}`)
  const { openings, steps, isOfNewFiles } = known
  for (const opening of openings) {
    await inFolder(opening, async (folder) => {
      let seen = 0
      for (const { sql, expect } of original.steps) {
        if (sql !== undefined) {
          const act = steps[sql]
          assert.ok(act !== undefined, `the runner does not know what this means: ${sql}`)
          await act(folder)
        }
        if (expect === undefined) continue
        const count = seen + expect.length
        // What is finished for its size is written beside the rows that follow.
        await until(`${count} files`, withinMs, () => (folder.texts.length >= count ? true : undefined))
        assert.deepEqual(folder.texts.slice(seen), expect)
        if (isOfNewFiles === true) seen = count
      }
    })
  }
}

/** `hourly: folder, folder, …` */
async function partitions({ steps: [given, { expect = [] } = {}] }: ConformanceCase): Promise<void> {
  let date = ''
  const times = (/^timestamps (.*) UTC/.exec(given?.sql ?? '')?.[1] ?? '').split(', ').map((text) => {
    const [time = '', day = date] = text.split(' ').reverse()
    date = day
    return at(BigInt(Date.parse(`${day}T${time}Z`)) * 1_000_000n)
  })
  for (const line of expect) {
    const [formats = '', folders = ''] = line.split(': ')
    for (const format of formats.split(' and ')) {
      const uri = `nodelocal://1/x${format === 'default' ? '' : `?partition_format=${format}`}`
      const { partitioning } = readCommon(readSinkUri(uri, 1).parameters)
      await inFolder({ partitioning, firstTime: times[0] as Hlc }, async (folder) => {
        for (const time of times) {
          await folder.sink().flush(time)
          await folder.emit(['v'])
        }
        await folder.flush()
        const found = new Set(namesIn(folder.dir).map((name) => name.replace(/\/?[^/]*$/, '')))
        assert.deepEqual([...found], folders === 'no folders' ? [''] : folders.split(', '))
      })
    }
  }
}

async function inFolder(opening: Opening, use: (folder: Folder) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'conformance-'))
  const folder = new Folder(join(dir, 'files'), opening)
  try {
    await use(folder)
  } finally {
    await folder.close()
    await rm(dir, { recursive: true, force: true })
  }
}
