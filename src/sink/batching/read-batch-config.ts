// Reads the objects Flush and Retry, which the configurations of all sinks over lanes share.

import type { ConfigObject } from '../config-object.ts'
import type { FieldFacts } from '../sink-facts.ts'
import type { FlushBounds } from './choose-requests.ts'
import type { RetryBounds } from './retry.ts'

export interface BatchFlush extends FlushBounds {
  /** The most messages in a request, and so in a batch; undefined or 0: as many as fit. */
  readonly maxMessages?: number
  /** The most bytes in a batch before compression; undefined or 0: as many as fit. A single message may be larger. */
  readonly maxBytes?: number
}

const defaultRetry: RetryBounds = { max: 3, backoffMs: 500 }

export const retryFields = {
  Max: {
    default: '3',
    about:
      'How often a batch is sent again before the changefeed restarts from its last checkpoint. With `"inf"` the batch is sent again without end, and the changefeed does not restart for it.',
  },
  Backoff: { default: '`500ms`', about: 'The pause before the first retry. It doubles up to 30 s.' },
} as const satisfies Readonly<Record<string, FieldFacts>>

export function readFlush(flush: ConfigObject): BatchFlush {
  const messages = flush.integer('Messages') ?? 0
  const bytes = flush.integer('Bytes') ?? 0
  const frequencyMs = flush.durationMs('Frequency') ?? 0
  const maxMessages = flush.integer('MaxMessages') ?? 0
  const maxBytes = flush.integer('MaxBytes') ?? 0
  if ([messages, bytes, frequencyMs, maxMessages, maxBytes].some((value) => value < 0))
    throw flush.refused('invalid sink config, all values must be non-negative')
  if ((messages > 0 || bytes > 0) && frequencyMs === 0) {
    throw flush.refused(
      'invalid sink config, Flush.Frequency is not set, messages may never be sent',
      'say how long messages wait for others at most, for example "Frequency": "1s"',
    )
  }
  return { messages, bytes, frequencyMs, maxMessages, maxBytes }
}

export function readRetry(retry: ConfigObject): RetryBounds {
  const backoffMs = retry.durationMs('Backoff') ?? defaultRetry.backoffMs
  if (backoffMs < 0) throw retry.refused('invalid sink config, all values must be non-negative')
  const max = retry.any('Max')
  if (max === undefined) return { max: defaultRetry.max, backoffMs }
  if (typeof max === 'string' && max.toLowerCase() === 'inf') return { max: Number.POSITIVE_INFINITY, backoffMs }
  const count = typeof max === 'string' && /^-?\d+$/.test(max) ? Number(max) : max
  if (typeof count !== 'number' || !Number.isInteger(count)) {
    throw retry.refused("Retry.Max must be either a positive int or 'inf' for infinite retries.")
  }
  if (count <= 0) throw retry.refused("Retry.Max must be a positive integer. use 'inf' for infinite retries.")
  return { max: count, backoffMs }
}
