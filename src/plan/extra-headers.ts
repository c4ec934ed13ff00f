// Reads `extra_headers`, a JSON object whose members become headers of every message. Strings are sent as they are, other
// values as their JSON text, and a null is left out. The values may be secrets, so no error repeats them.

import type { MessageHeader } from '../sink/sink-facts.ts'
import { optionError } from './option-errors.ts'
import type { GivenOption } from './read-options.ts'

const hint = `for example '{"X-Name": "value"}'`

export function readExtraHeaders(option: GivenOption | undefined): readonly MessageHeader[] {
  if (option === undefined) return []
  let headers: unknown
  try {
    headers = JSON.parse(option.text ?? '')
  } catch {
    throw optionError(option, 'parsing headers: extra_headers is not valid JSON', hint)
  }
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw optionError(option, 'headers is not a JSON object', hint)
  }
  return Object.entries(headers).flatMap(([name, value]): MessageHeader[] =>
    value === null ? [] : [{ name, value: typeof value === 'string' ? value : JSON.stringify(value) }],
  )
}
