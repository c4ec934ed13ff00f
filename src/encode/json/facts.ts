// What statements may say with format=json. json-encoder.ts writes the messages.

import type { FormatFacts } from '../format-facts.ts'
import { jsonNames } from './own-names.ts'

export const json: FormatFacts = {
  ...jsonNames,
  extension: 'ndjson',
  envelopes: ['wrapped', 'row', 'key_only', 'bare', 'enriched'],
  options: ['encode_json_value_null_as_object', 'headers_json_column_name'],
  open: () => import('./json-encoder.ts'),
}
