// Counts what passes to another validator. A random test reads the counts to know when it has seen enough: resolved
// messages behind which there really were rows, not an idle feed's heartbeats.

import type { Hlc } from '../../src/core/hlc.ts'
import type { RowNote, Validator } from './validator.ts'

export class CountingValidator implements Validator {
  readonly #inner: Validator
  rows = 0
  resolved = 0
  rowsSinceResolved = 0
  /** Resolved messages that had rows before them since the last one. */
  resolvedWithRows = 0
  /** Rows covered by such a resolved message. */
  resolvedRows = 0

  constructor(inner: Validator) {
    this.#inner = inner
  }

  noteRow(row: RowNote): void {
    this.rows += 1
    this.rowsSinceResolved += 1
    this.#inner.noteRow(row)
  }

  noteResolved(partition: string, ts: Hlc, cameAt?: bigint): void {
    this.resolved += 1
    if (this.rowsSinceResolved > 0) {
      this.resolvedWithRows += 1
      this.resolvedRows += this.rowsSinceResolved
      this.rowsSinceResolved = 0
    }
    this.#inner.noteResolved(partition, ts, cameAt)
  }

  failures(): readonly string[] {
    return this.#inner.failures()
  }
}
