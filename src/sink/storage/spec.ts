// A storage sink as data: what its URI and the options of the statement say. It may hold credentials, so it must never be logged.

import type { SinkSpec } from '../../core/feed-spec.ts'
import type { Partitioning } from './file-names.ts'
import type { StorageLocation } from './storage-kind.ts'

export interface StorageSinkSpec extends SinkSpec {
  readonly tag: 'cloud'
  readonly location: StorageLocation
  /** Stands in front of the topic in the names of files. */
  readonly topicPrefix: string
  /** A file that has more bytes, after compression, is finished. */
  readonly fileSize: number
  readonly partitioning: Partitioning
  readonly compression?: 'gzip' | 'zstd' | undefined
  /** The folder for files of this machine, set at each start (server/feeds/allowed-sinks.ts). Undefined: the server has none. */
  readonly externDir?: string | undefined
  /** cloudstorage.gs.default.key, set at each start. Undefined: it is empty. */
  readonly defaultKey?: string | undefined
  /** cloudstorage.http.custom_ca, set at each start. Undefined: it is empty. */
  readonly customCa?: string | undefined
  /** cloudstorage.timeout, set at each start. */
  readonly timeoutMs?: number | undefined
  /** Each file begins with the names of the columns. */
  readonly csvHeader?: true | undefined
}
