// The scope label of a feed's metrics.

import { FeedError } from '../errors/feed-error.ts'
import { maxScopes } from '../core/metric-scopes.ts'
import type { GivenOption } from './read-options.ts'

const maxBytes = 128

/** Undefined: the feed has none, or an empty one. */
export function labelOf(option: GivenOption | undefined): string | undefined {
  const scope = metricsScope(option?.text)
  return scope === 'default' ? undefined : scope
}

/** The label as metrics show it. */
function metricsScope(text: string | undefined): string {
  const label = (text ?? '').trim().toLowerCase()
  return label === '' ? 'default' : label
}

/** `mayUse`: false when as many scopes as there may be are in use. */
export function checkMetricsLabel(option: GivenOption | undefined, mayUse: (scope: string) => boolean): void {
  if (option?.text === undefined || option.text.trim() === '') return
  const scope = metricsScope(option.text)
  const { position } = option
  if (scope === 'default') {
    const message = "metrics_label 'default' is reserved: it is the scope of the feeds without a label"
    throw new FeedError('FEED_OPTION', message, { position })
  }
  if (Buffer.byteLength(scope) >= maxBytes) {
    throw new FeedError('FEED_OPTION', `scope name length must be less than ${maxBytes} bytes`, { position })
  }
  if (mayUse(scope)) return
  throw new FeedError('FEED_OPTION', `too many metrics labels; max ${maxScopes}`, {
    hint: 'give it a metrics_label that a running changefeed has, or none',
    position,
  })
}
