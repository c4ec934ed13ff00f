// What a validator is. It watches what one reader of one changefeed received, in the order of arrival, and collects
// every broken promise as a text; an empty list means that the feed kept its word.
//
// A failure never stops anything: one run reports all it finds. What cannot be judged at all (a message that is not
// JSON, a key that does not fit the table) throws instead.
// Feeds under test run WITH updated, resolved, so that every row message carries its timestamp.

import type { Hlc } from '../../src/core/hlc.ts'

export interface RowNote {
  readonly partition: string
  readonly topic: string
  /** JSON text of the key. */
  readonly key: string
  /** JSON text of the value; empty when the message has none. */
  readonly value: string
  readonly updated: Hlc
}

export interface Validator {
  noteRow(row: RowNote): void
  /** `cameAt`: when the reader got it, in nanoseconds since 1970, for those that judge what may have happened by then. */
  noteResolved(partition: string, ts: Hlc, cameAt?: bigint): void
  failures(): readonly string[]
}
