// What statements may say with format=json. json-encoder.ts writes the messages.

import type { FormatFacts } from '../format-facts.ts'

/** The member of a row with what is not in its columns, in the envelope `row`. */
export const jsonMetadata = '__crdb__'

export const json: FormatFacts = {
  name: 'json',
  extension: 'ndjson',
  envelopes: ['wrapped', 'row', 'key_only', 'bare', 'enriched'],
  options: ['encode_json_value_null_as_object', 'headers_json_column_name'],
  ownNames: ({ envelope, updated, mvccTimestamp }) =>
    envelope === 'row' && (updated || mvccTimestamp) ? [jsonMetadata] : [],
  open: () => import('./json-encoder.ts'),
}
