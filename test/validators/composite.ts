// Several validators as one: each sees every note; the failures of all are one list. A note that one of them cannot
// judge at all throws, and the ones behind it do not see that note.

import type { Hlc } from '../../src/core/hlc.ts'
import type { RowNote, Validator } from './validator.ts'

export class CompositeValidator implements Validator {
  readonly #members: readonly Validator[]

  constructor(members: readonly Validator[]) {
    this.#members = members
  }

  noteRow(row: RowNote): void {
    for (const member of this.#members) member.noteRow(row)
  }

  noteResolved(partition: string, ts: Hlc, cameAt?: bigint): void {
    for (const member of this.#members) member.noteResolved(partition, ts, cameAt)
  }

  failures(): readonly string[] {
    return this.#members.flatMap((member) => member.failures())
  }
}
