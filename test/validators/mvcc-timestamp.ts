// For feeds WITH mvcc_timestamp: every row message carries it, at or before `updated` and within the hour before it.
// Compared as text, which is the order of the timestamps as long as both have the same number of digits.

import { formatHlc } from '../../src/core/hlc.ts'
import { parseMessage } from '../history/json-text.ts'
import type { RowNote, Validator } from './validator.ts'

const hourNanos = 3_600_000_000_000n

export class MvccTimestampValidator implements Validator {
  readonly #failures: string[] = []

  noteRow(row: RowNote): void {
    const mvcc = parseMessage(row.value).get('mvcc_timestamp')
    if (typeof mvcc !== 'string') {
      this.#failures.push('expected MVCC timestamp, got nil')
      return
    }
    const updated = formatHlc(row.updated)
    const hourEarlier = formatHlc({ wall: row.updated.wall - hourNanos, logical: row.updated.logical })
    if (mvcc > updated) {
      this.#failures.push(
        `expected MVCC timestamp to be earlier or equal to updated timestamp (${updated}), got ${mvcc}`,
      )
    }
    if (mvcc < hourEarlier) {
      this.#failures.push(`expected MVCC timestamp to be within an hour of updated timestamp (${updated}), got ${mvcc}`)
    }
  }

  noteResolved(): void {}

  failures(): readonly string[] {
    return this.#failures
  }
}
