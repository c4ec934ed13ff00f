// What statements may say with format=csv. csv-encoder.ts writes the messages.

import type { FormatFacts } from '../format-facts.ts'

export const csv: FormatFacts = {
  name: 'csv',
  extension: 'csv',
  // A message of key_only would be empty, because CSV has no keys.
  envelopes: ['wrapped', 'row', 'bare'],
  options: ['csv_header'],
  // A line has the columns of the row and nothing else.
  withoutOptions: ['key_in_value', 'topic_in_value'],
  isScanOnly: true,
  open: () => import('./csv-encoder.ts'),
}
