// Rows into files. By turns, in one run: the sink into a folder beside plain writes of the same files, which are made durable as its files are; the sink into S3 (a real
// service on this machine) beside the SDK alone, which puts the same objects; and rows into Parquet beside DuckDB's COPY of the same table.
//
// Both sides of a folder write new files in each round, which are removed after it: to write over files of the round before takes half as long, because the kernel has
// pages for them.
//
// BENCH_ROWS: rows of a round (2,000,000). BENCH_ROUNDS: (5). BENCH_PARQUET_ROWS: (1,000,000).

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { DuckDBInstance } from '@duckdb/node-api'
import type { FileColumn } from '../src/core/file-column.ts'
import { MessageBatch } from '../src/core/message-batch.ts'
import type { Sink } from '../src/sink/sink.ts'
import { open } from '../src/sink/storage/open.ts'
import type { StorageLocation } from '../src/sink/storage/storage-kind.ts'
import { s3 as s3Kind } from '../src/sink/storage/s3/kind.ts'
import { SinkParameters } from '../src/sink/sink-parameters.ts'
import { s3Keys, Versitygw } from '../test/services/storage/versitygw.ts'
import { namesIn } from '../test/support/read-folder.ts'
import { printRatio, printTable, type Cell } from './print-table.ts'

const rows = Number(process.env['BENCH_ROWS'] ?? 2_000_000)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const parquetRows = Number(process.env['BENCH_PARQUET_ROWS'] ?? 1_000_000)
const folder = mkdtempSync(join(tmpdir(), 'changefeed-bench-storage-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

const lines = encoded(rows, (batch, id) => {
  batch.bytes.latin1(
    `{"after": {"id": ${id}, "n": ${id * 7}, "name": "name ${id}"}, "key": [${id}], "updated": "1629813621680097993.0000000000"}`,
  )
})
const scalar = (name: string): FileColumn['shape'] => ({ tag: 'scalar', name })
const parquetColumns: readonly FileColumn[] = [
  { name: 'id', shape: scalar('int8') },
  { name: 'n', shape: scalar('int4') },
  { name: 'name', shape: scalar('text') },
]
const nodelocal: StorageLocation = { tag: 'nodelocal', node: '1', folders: ['lines'] } as StorageLocation

const intoFolder = await openSink(nodelocal, 'ndjson')
await throughSink(intoFolder, lines)
const root = join(folder, 'lines')
const files = namesIn(root).map((name) => ({ name, bytes: readFileSync(join(root, name)) }))
const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0)
await compare({
  what: `${rows} rows, ${(bytes / 1e6).toFixed(0)} MB in ${files.length} files, ${rounds} rounds`,
  ours: ['the sink into a folder', () => throughSink(intoFolder, lines)],
  theirs: ['plain writes', plainWrites],
  goal: 'at least 0.7',
  after: () => {
    rmSync(join(folder, 'plain'), { recursive: true, force: true })
    for (const name of namesIn(root)) rmSync(join(root, name))
  },
})
await intoFolder[Symbol.asyncDispose]()

const service = await Versitygw.start()
await service.makeBucket('bench')
const parameters = new SinkParameters(service.parametersAt(service.directUrl), 1)
const bucket = s3Kind.readLocation({ scheme: 's3', place: 'bench/sink', parameters }) as StorageLocation
const sdk = new S3Client({
  region: 'us-east-1',
  endpoint: service.directUrl,
  forcePathStyle: true,
  credentials: { accessKeyId: s3Keys.id, secretAccessKey: s3Keys.secret },
})
const intoS3 = await openSink(bucket, 'ndjson')
await throughSink(intoS3, lines)
await throughSdk()
await compare({
  what: 'the same files into S3',
  ours: ['the sink into S3', () => throughSink(intoS3, lines)],
  theirs: ['the SDK alone', throughSdk],
  goal: 'at least 0.8',
})
await intoS3[Symbol.asyncDispose]()
sdk.destroy()
await service[Symbol.asyncDispose]()
await compareParquet()

interface Comparison {
  readonly what: string
  readonly ours: readonly [name: string, run: () => Promise<void>]
  readonly theirs: readonly [name: string, run: () => Promise<void>]
  readonly goal: string
  /** After each round of each side. */
  readonly after?: () => void
}

async function compare({ what, ours, theirs, goal, after = () => undefined }: Comparison): Promise<void> {
  after()
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    times[0].push(await timed(ours[1]))
    after()
    times[1].push(await timed(theirs[1]))
    after()
  }
  const [mine, other] = [median(times[0]), median(times[1])]
  const line = (name: string, seconds: number): Cell[] => [name, seconds, rows / seconds, bytes / seconds / 1e6]
  console.log(what)
  printTable(['', 's', 'rows/s', 'MB/s'], [line(ours[0], mine), line(theirs[0], other)])
  printRatio(`MB/s to ${theirs[0]}`, other / mine, goal)
  console.log()
}

async function throughSink(sink: Sink, batches: readonly MessageBatch[]): Promise<void> {
  for (const batch of batches) await sink.emit(batch)
  await sink.flush(undefined)
}

function openSink(location: StorageLocation, extension: string): Promise<Sink> {
  return open(
    {
      tag: 'cloud',
      location,
      topicPrefix: '',
      fileSize: 16 * 1024 * 1024,
      partitioning: 'daily',
      externDir: folder,
    },
    {
      feed: '1',
      topics: ['narrow'],
      extension,
      firstTime: { wall: 1_629_813_621_680_097_993n, logical: 0 },
      header: () => undefined,
      columns: () => parquetColumns,
      log: () => undefined,
      signal: new AbortController().signal,
      send: async () => undefined,
    },
  )
}

async function plainWrites(): Promise<void> {
  for (const { name, bytes: content } of files) {
    const path = join(folder, 'plain', name)
    mkdirSync(dirname(path), { recursive: true })
    await using file = await openFile(path, 'w')
    await file.write(content)
    await file.sync()
  }
}

async function throughSdk(): Promise<void> {
  for (const { name, bytes: Body } of files) {
    await sdk.send(
      new PutObjectCommand({ Bucket: 'bench', Key: `sdk/${name}`, Body, ContentType: 'application/x-ndjson' }),
    )
  }
}

async function compareParquet(): Promise<void> {
  const batches = encoded(parquetRows, (batch, id) => {
    for (const text of [String(id), String((id * 7) % 2_000_000_000), `name ${id}`]) {
      batch.bytes.u32be(text.length)
      batch.bytes.latin1(text)
    }
  })
  const location = { tag: 'nodelocal', node: '1', folders: ['parquet'] } as StorageLocation
  const duck = await (await DuckDBInstance.create(':memory:')).connect()
  await duck.run(
    `CREATE TABLE narrow AS SELECT i AS id, CAST((i * 7) % 2000000000 AS INTEGER) AS n, 'name ' || i AS name FROM range(${parquetRows}) AS r(i)`,
  )
  await using sink = await openSink(location, 'parquet')
  await throughSink(sink, batches)
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    times[0].push(await timed(() => throughSink(sink, batches)))
    times[1].push(
      await timed(async () => {
        await duck.run(`COPY narrow TO '${join(folder, 'duck.parquet')}' (FORMAT parquet, COMPRESSION uncompressed)`)
      }),
    )
  }
  console.log(`${parquetRows} rows into Parquet`)
  const line = (name: string, seconds: number): Cell[] => [name, seconds, parquetRows / seconds]
  printTable(['', 's', 'rows/s'], [line('the sink', median(times[0])), line("DuckDB's COPY", median(times[1]))])
  printRatio("rows/s to DuckDB's COPY", median(times[1]) / median(times[0]), 'reported')
}

function encoded(count: number, value: (batch: MessageBatch, id: number) => void): readonly MessageBatch[] {
  const batches: MessageBatch[] = []
  for (let id = 0; id < count; id++) {
    let batch = batches.at(-1)
    if (batch === undefined || batch.bytes.length > 256 * 1024) batches.push((batch = new MessageBatch()))
    batch.begin(0)
    batch.endKey()
    value(batch, id)
    batch.end(true)
  }
  return batches
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
