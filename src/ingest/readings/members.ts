// Which tables may have been in the publication themselves when a row was written: their rows are published whatever they are a
// partition of, so that a row of one does not prove that it was a partition.
//
// A reading that does not show a membership proves that there was none only if nobody was about to commit one: between the record of a
// commit, from which on rows are published, and its visibility may lie the wait for a standby. Whoever alters the publication
// has it locked until then.

import type { Reading } from './reading.ts'

export class Members {
  readonly #wasMember: (relid: number) => boolean
  /** By table: where it was seen that it is none. Infinity: it is one. */
  readonly #until = new Map<number, number>()

  /** `wasMember`: whether the log has a table as a member, when a reading shows it for the first time. */
  constructor(wasMember: (relid: number) => boolean) {
    this.#wasMember = wasMember
  }

  taken({ from, to, members, altering }: Reading): void {
    for (const [relid, isMember] of members) {
      const before = this.#until.get(relid) ?? (this.#wasMember(relid) ? Infinity : 0)
      const isAltering = altering.has(relid) || altering.has(0)
      if (isMember) this.#until.set(relid, Infinity)
      else this.#until.set(relid, Math.max(before === Infinity ? to : before, isAltering ? from : 0))
    }
  }

  /** Whether a row at `lsn` may be published because of a membership of one of these tables. It may if no reading has asked for one of them. */
  mayHave(relids: readonly number[], lsn: number): boolean {
    return relids.some((relid) => lsn < (this.#until.get(relid) ?? Infinity))
  }
}
