// What statements may say with format=parquet. parquet-encoder.ts writes the fields of rows, and the sink makes files of them.

import type { FormatFacts } from '../format-facts.ts'

export const parquet: FormatFacts = {
  name: 'parquet',
  extension: 'parquet',
  envelopes: ['wrapped', 'row', 'key_only', 'bare'],
  excludedOptions: ['topic_in_value'],
  // A file has the columns of the table, and no key or earlier row beside them.
  withoutOptions: ['key_in_value', 'diff'],
  open: () => import('./parquet-encoder.ts'),
}
