// extra_headers: a JSON object whose members go with every message as headers. Strings as they are, other values as
// their JSON text; a null is left out. The values may be secrets, so no error repeats them.

import type { MessageHeader } from '../sink/sink-facts.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { GivenOption } from './read-options.ts'

const hint = `for example '{"X-Name": "value"}'`

export function readExtraHeaders(option: GivenOption | undefined): readonly MessageHeader[] {
  if (option === undefined) return []
  const { text = '', position } = option
  let headers: unknown
  try {
    headers = JSON.parse(text)
  } catch {
    throw new FeedError('FEED_OPTION', 'parsing headers: extra_headers is not valid JSON', { position, hint })
  }
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw new FeedError('FEED_OPTION', 'headers is not a JSON object', { position, hint })
  }
  return Object.entries(headers).flatMap(([name, value]): MessageHeader[] =>
    value === null ? [] : [{ name, value: typeof value === 'string' ? value : JSON.stringify(value) }],
  )
}
