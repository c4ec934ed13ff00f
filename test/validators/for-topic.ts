// Most validators judge one table. In front of one, this lets pass the rows of that table alone, and every resolved
// message: a resolved message speaks for all tables of its feed.

import type { Hlc } from '../../src/core/hlc.ts'
import type { RowNote, Validator } from './validator.ts'

export class ForTopicValidator implements Validator {
  readonly #topic: string
  readonly #inner: Validator

  constructor(topic: string, inner: Validator) {
    this.#topic = topic
    this.#inner = inner
  }

  noteRow(row: RowNote): void {
    if (row.topic === this.#topic) this.#inner.noteRow(row)
  }

  noteResolved(partition: string, ts: Hlc, cameAt?: bigint): void {
    this.#inner.noteResolved(partition, ts, cameAt)
  }

  failures(): readonly string[] {
    return this.#inner.failures()
  }
}
