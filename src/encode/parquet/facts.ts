// What statements may say with format=parquet. parquet-encoder.ts writes the fields of rows, and the sink makes files of them.

import type { FormatFacts } from '../format-facts.ts'

/** Columns of the files beside those of the table. */
export const parquetNames = {
  event: '__crdb__event_type',
  updated: '__crdb__updated',
  mvcc: '__crdb__mvcc_timestamp',
  before: '__crdb__before',
} as const

export const parquet: FormatFacts = {
  name: 'parquet',
  extension: 'parquet',
  envelopes: ['wrapped', 'row', 'key_only', 'bare'],
  excludedOptions: ['topic_in_value'],
  withoutOptions: ['key_in_value'],
  withoutHint: 'leave it out: the columns of the key are among those of the file, also for rows that were deleted',
  earlierRows: 'json',
  ownNames: ({ updated, mvccTimestamp, diff }) => [
    parquetNames.event,
    ...(updated ? [parquetNames.updated] : []),
    ...(mvccTimestamp ? [parquetNames.mvcc] : []),
    ...(diff ? [parquetNames.before] : []),
  ],
  open: () => import('./parquet-encoder.ts'),
}
