// A column as test_decoding printed it, as canonical JSON text, for the types that the tests' own tables use.
// Everything else is a JSON string of its text. The product's JSON for the full range of types is tested elsewhere,
// byte for byte; here only the values of two independent readings of the same WAL have to meet.

import { canonicalText, parseJson } from './json-text.ts'
import type { DecodedColumn } from './test-decoding.ts'

const numbers: ReadonlySet<string> = new Set(['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'])

export function jsonOfColumn({ type, text }: DecodedColumn): string {
  if (text === null) return 'null'
  if (type === 'boolean') return text
  if (type === 'json' || type === 'jsonb') return canonicalText(parseJson(text))
  const base = type.replace(/\(.*\)$/, '')
  if (numbers.has(base) && /^[-+\d.eE]+$/.test(text)) return text
  return JSON.stringify(text)
}
