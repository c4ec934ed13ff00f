// What statements may say with format=parquet. parquet-encoder.ts writes the fields of rows, and the sink makes files of them.

import type { FormatFacts } from '../format-facts.ts'
import { parquetNames } from './own-names.ts'

export const parquet: FormatFacts = {
  ...parquetNames,
  extension: 'parquet',
  envelopes: ['wrapped', 'row', 'key_only', 'bare'],
  excludedOptions: ['topic_in_value'],
  withoutOptions: ['key_in_value'],
  withoutHint: 'leave it out: the columns of the key are among those of the file, also for rows that were deleted',
  earlierRows: 'json',
  open: () => import('./parquet-encoder.ts'),
}
