// Opens a storage sink, or only checks whether it could be opened.

import { orAbort } from '../../async/or-abort.ts'
import type { RetryBounds } from '../batching/retry.ts'
import type { Sink } from '../sink.ts'
import type { SinkDialing, SinkOpening } from '../sink-facts.ts'
import { laterVersion } from '../../errors/later-version.ts'
import { loadPart } from '../../errors/replaced-program.ts'
import { FileNames } from './file-names.ts'
import type { FileFormat } from './files/file-body.ts'
import { lines } from './files/lines.ts'
import { kindOfLocation } from './kinds.ts'
import type { StorageSinkSpec } from './spec.ts'
import type { StorageClient, StorageOpening } from './storage-client.ts'
import type { StorageModule } from './storage-kind.ts'
import { StorageSink } from './storage-sink.ts'
import { TimeLimit } from './time-limit.ts'

/** What open files and those that wait to be written may hold. */
const budgetBytes = 64 * 1024 * 1024
/** The default of cloudstorage.timeout. */
const defaultTimeoutMs = 600_000
/** About a minute. What fails longer starts the feed again from its checkpoint, which is retried without end. */
const defaultRetry: RetryBounds = { max: 7, backoffMs: 500 }

export async function open(spec: StorageSinkSpec, opening: SinkOpening): Promise<Sink> {
  const { feed, topics, log, signal, firstTime, meter } = opening
  const { topicPrefix, partitioning, fileSize } = spec
  const client = await openClient(spec, { log, signal, feed })
  try {
    await check(client, spec, signal)
  } catch (error) {
    await client[Symbol.asyncDispose]()
    throw error
  }
  const format = await formatOf(spec, opening)
  return new StorageSink({
    client,
    format,
    names: new FileNames({ partitioning, extension: format.extension }),
    topics: topics.map((topic) => topicPrefix + topic),
    firstTime,
    fileSize,
    budgetBytes,
    timeoutMs: timeoutOf(spec),
    retry: defaultRetry,
    warn: (text, level = 'warn') => log(level, text),
    signal,
    meter,
  })
}

const loadParquet = () => import('./files/parquet/parquet.ts')

async function formatOf(
  { compression, csvHeader }: StorageSinkSpec,
  { extension, header, columns }: SinkOpening,
): Promise<FileFormat> {
  if (extension === 'parquet') {
    const { parquetFiles } = await loadPart(loadParquet)
    return parquetFiles({ compression, columns })
  }
  return lines({ extension, compression, ...(csvHeader === true ? { header } : {}) })
}

export async function dial(spec: StorageSinkSpec, { signal }: SinkDialing): Promise<void> {
  await using client = await openClient(spec, { log: () => undefined, signal, feed: undefined })
  await check(client, spec, signal)
}

async function check(client: StorageClient, spec: StorageSinkSpec, signal: AbortSignal): Promise<void> {
  await new TimeLimit(client.name, timeoutOf(spec)).run(async (both) => client.check?.(both), signal)
}

function timeoutOf({ timeoutMs = defaultTimeoutMs }: StorageSinkSpec): number {
  return timeoutMs
}

async function openClient(
  { location, allowedHosts, mayReachMetadata, defaultKey, customCa, externDir }: StorageSinkSpec,
  opening: Pick<StorageOpening, 'log' | 'signal' | 'feed'>,
): Promise<StorageClient> {
  const { open: load } = kindOfLocation(location)
  if (load === undefined) throw laterVersion('sink', location.tag)
  const module: StorageModule = await loadPart(load)
  return orAbort(
    module.open(location, {
      ...opening,
      allowedHosts,
      mayReachMetadata: mayReachMetadata === true,
      defaultKey,
      customCa,
      externDir,
    }),
    opening.signal,
  )
}
