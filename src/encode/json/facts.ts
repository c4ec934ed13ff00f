// format=json: what the statement may say with it. json-encoder.ts writes it.

import type { FormatFacts } from '../format-facts.ts'

export const json: FormatFacts = {
  name: 'json',
  extension: 'json',
  envelopes: ['wrapped', 'row', 'key_only', 'bare', 'enriched'],
  options: ['encode_json_value_null_as_object', 'headers_json_column_name'],
  open: () => import('./json-encoder.ts'),
}
