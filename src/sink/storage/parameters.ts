// The parameters that the URIs of all kinds of storage have.

import type { ParameterFacts, SinkParameters } from '../sink-parameters.ts'
import type { Partitioning } from './file-names.ts'
import { readSize } from './file-size.ts'

export const commonParameters = {
  topic_prefix: { about: 'Stands in front of the name of every topic in the names of files.' },
  file_size: {
    default: '`16MiB`',
    about:
      'A file of more bytes, after compression, is finished, and the next one begins: `32MB`, `1GiB`, at most `64GiB`; without a unit it is bytes. Every checkpoint finishes all files. Files that a slow far end cannot take as fast as they come grow beyond it.',
  },
  partition_format: {
    default: '`daily`',
    about: 'The folders of files: `daily` (`2026-01-31/`), `hourly` (`2026-01-31/12/`) or `flat`, which has none. UTC.',
  },
} as const satisfies Readonly<Record<string, ParameterFacts>>

type CommonParameter = keyof typeof commonParameters

export interface CommonValues {
  readonly topicPrefix: string
  readonly fileSize: number
  readonly partitioning: Partitioning
}

const defaultFileSize = 16 * 1024 * 1024
/** Smaller files have hardly more than a row. */
const leastUsualSize = 1000
/** A file is sent in parts of at least 8 MiB, and S3 takes 10,000 of them. */
const maxFileSize = 64 * 1024 ** 3

export function readCommon(parameters: SinkParameters<CommonParameter>): CommonValues {
  const topicPrefix = parameters.text('topic_prefix') ?? ''
  const size = parameters.text('file_size')
  const fileSize = size === undefined ? defaultFileSize : readSize(size)
  if (fileSize === undefined) {
    throw parameters.refused(
      `parsing ${size}: file_size is no size in bytes`,
      'a size is written as 16MB, 1GiB or 1000000',
    )
  }
  if (fileSize > maxFileSize) throw parameters.refused(`file_size=${size} is too large`, 'it is at most 64GiB')
  const partitioning = parameters.text('partition_format') ?? 'daily'
  if (!isPartitioning(partitioning)) {
    throw parameters.refused(`invalid partition_format of ${partitioning}`, 'it is daily, hourly or flat')
  }
  return { topicPrefix, fileSize, partitioning }
}

/** Whoever writes a number of megabytes without the unit gets a file, and a request, for each row. */
export function fileSizeNotices(fileSize: number): readonly string[] {
  if (fileSize >= leastUsualSize) return []
  const bytes = fileSize === 1 ? '1 byte' : `${fileSize} bytes`
  return [
    `file_size is ${bytes}, so that almost every row becomes a file of its own; megabytes are written with their unit: file_size=${fileSize}MB`,
  ]
}

function isPartitioning(text: string): text is Partitioning {
  return text === 'daily' || text === 'hourly' || text === 'flat'
}
