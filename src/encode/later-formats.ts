// Formats that are known and not built yet: statements with them are checked as if they were, and refused last.

import type { FormatFacts } from './format-facts.ts'

const wrappedOptions = ['key_in_value', 'topic_in_value', 'updated', 'mvcc_timestamp', 'diff']

export const laterFormats: readonly FormatFacts[] = [
  { name: 'protobuf', extension: 'pb', envelopes: ['wrapped', 'row', 'key_only', 'bare', 'enriched'], wrappedOptions },
]
