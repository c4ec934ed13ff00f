// Makes the encoder that a feed's specification asks for. The code of a format is loaded when the first feed needs it.

import type { FeedSpec } from '../core/feed-spec.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { Encoder } from './encoder.ts'
import { formatOfName } from './format-names.ts'

export function openEncoder(spec: FeedSpec): Promise<Encoder> {
  const { name, open } = formatOfName(spec.format)
  if (open === undefined) throw new FeedError('FEED_BUG', `the format ${name} passed the checks and has no encoder`)
  return open(spec)
}
