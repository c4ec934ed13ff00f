// Reads `metrics_label`, the label `scope` of the metrics of a feed.

import { maxScopes } from '../core/metric-scopes.ts'
import { optionError } from './option-errors.ts'
import type { GivenOption } from './read-options.ts'

const maxBytes = 128

/** Returns the label of a feed; undefined: the feed has none, or an empty one. */
export function labelOf(option: GivenOption | undefined): string | undefined {
  const scope = shownLabel(option)
  return scope === '' || scope === 'default' ? undefined : scope
}

function shownLabel(option: GivenOption | undefined): string {
  return option?.text?.trim().toLowerCase() ?? ''
}

/** `mayUse` returns false if the label is new and as many labels as there may be are in use. */
export function checkMetricsLabel(option: GivenOption | undefined, mayUse: (scope: string) => boolean): void {
  const scope = shownLabel(option)
  if (scope === '') return
  if (scope === 'default') {
    throw optionError(option, "metrics_label 'default' is reserved: it is the scope of the feeds without a label")
  }
  if (Buffer.byteLength(scope) >= maxBytes) {
    throw optionError(option, `scope name length must be less than ${maxBytes} bytes`)
  }
  if (mayUse(scope)) return
  const hint = 'give it a metrics_label that a running changefeed has, or none'
  throw optionError(option, `too many metrics labels; max ${maxScopes}`, hint)
}
