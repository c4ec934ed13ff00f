// The hint of an error of a cursor from before the changes that are kept.

import type { Hlc } from './hlc.ts'

/** No cursor that is meant lies before 1973, so an earlier one was given in seconds, milliseconds or microseconds. */
const earliestMeant = 10n ** 17n

export interface OldCursor {
  readonly cursor: Hlc
  /** The earliest cursor that is possible; undefined: there is none. */
  readonly since: Hlc | undefined
  /** Why there are no earlier changes, as a part of a sentence. */
  readonly why: string
}

export function oldCursorHint({ cursor, since, why }: OldCursor): string {
  const from = since === undefined ? '' : `, of ${dateAfter(since)} or later`
  const unit = cursor.wall < earliestMeant ? '; a number as cursor counts nanoseconds since 1970' : ''
  return `use a more recent cursor${from}: ${why}; or leave cursor out, for a new initial scan${unit}`
}

/** A date in milliseconds, as a cursor takes it, that is never before the timestamp. */
function dateAfter({ wall }: Hlc): string {
  return new Date(Number(wall / 1_000_000n) + 1).toISOString()
}
