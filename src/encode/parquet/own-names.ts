// The name and the own names of the format, which its facts and its encoder need.

import type { NamedFormat } from '../format-facts.ts'

/** Columns of the files beside those of the table. */
const columns = {
  event: '__crdb__event_type',
  updated: '__crdb__updated',
  mvcc: '__crdb__mvcc_timestamp',
  before: '__crdb__before',
} as const

export const parquetNames: NamedFormat = {
  name: 'parquet',
  ownNames: ({ updated, mvccTimestamp, diff }) => [
    columns.event,
    ...(updated ? [columns.updated] : []),
    ...(mvccTimestamp ? [columns.mvcc] : []),
    ...(diff ? [columns.before] : []),
  ],
}
