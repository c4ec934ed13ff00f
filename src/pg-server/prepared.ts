// A prepared statement of ours, how the values of a Bind message are read for it, and the errors for unknown names.

import { FeedError } from '../errors/feed-error.ts'
import type { BindMessage } from '../wire/frontend-messages.ts'
import { parameterText } from '../wire/parameter-value.ts'
import type { LocalStatement } from './local-statement.ts'

export interface Prepared {
  readonly statement: LocalStatement
  readonly sql: string
  /** The types of the parameters: those that the client declared, or else ours. */
  readonly parameterTypes: readonly number[]
}

/** Returns the values of a Bind message as text. Throws if their number or format does not fit the statement. */
export function parametersOf({ formats, values }: BindMessage, { parameterTypes }: Prepared): (string | null)[] {
  if (values.length !== parameterTypes.length) {
    throw new FeedError(
      'FEED_PROTOCOL',
      `bind message supplies ${values.length} parameters, but the statement requires ${parameterTypes.length}`,
    )
  }
  return values.map((value, i) =>
    parameterText(parameterTypes[i] ?? 0, formats[formats.length === 1 ? 0 : i] ?? 0, value),
  )
}

/** Returns the format of each result column. A Bind message has one format for all columns, one for each, or none. */
export function resultFormatsOf({ resultFormats }: BindMessage, { statement }: Prepared): number[] {
  return (statement.columns ?? []).map((_, i) => resultFormats[resultFormats.length === 1 ? 0 : i] ?? 0)
}

export function noSuchStatement(name: string): FeedError {
  return new FeedError(
    'FEED_STATE',
    name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`,
    { sqlstate: '26000' },
  )
}

export function noSuchPortal(name: string): FeedError {
  return new FeedError('FEED_STATE', `portal "${name}" does not exist`, { sqlstate: '34000' })
}
