// What the gate knows of one table: the layout that PostgreSQL has sent last, and the description that the log has for its rows.

import type { TableDescription } from '../../core/table.ts'
import type { RelationMessage } from '../../decode/pgoutput/relation.ts'
import type { AttributesOfTypes } from './composites.ts'

const keptTypes = 8

export class GatedTable {
  readonly relid: number
  layout: RelationMessage | undefined
  /**
   * unsettled: what `layout` is described by is not proven. settled: `inForce` is its description. free: and there are no composite
   * types, so that nothing about a row is left to prove.
   */
  phase: 'unsettled' | 'settled' | 'free' = 'unsettled'
  /** Rows between `from` and `to` of transactions that commit before `to` pass without another look. */
  from = 0
  to = 0
  /** The last description in the log, and its text. */
  inForce: TableDescription | undefined
  json: string | undefined
  /** The era of which it is: the position of its first reading. */
  era = -1
  /** Of which era its first description is; -1: the log had one before. */
  knownSince = -1
  /** Rows were described as of none of its next partitioned table, and it may have been a partition already. */
  hasPassedOver = false
  /** The partitioned tables of which these rows may be. They have them when its next description makes it their partition, because it is read then. */
  owedTo: readonly number[] = []
  /** By composite type, the attributes that the description has for it, the present ones first. */
  known: AttributesOfTypes = new Map()
  /** The present ones of these, by where they were seen: they say nothing of rows that lie before. */
  #seen: { readonly at: number; readonly known: AttributesOfTypes }[] = []

  constructor(relid: number) {
    this.relid = relid
  }

  /** `at`: where the present attributes were seen. */
  learn(known: AttributesOfTypes, at: number): void {
    this.known = known
    this.#seen = [...this.#seen.filter((one) => one.at < at), { at, known }].slice(-keptTypes)
  }

  /** The attributes that were seen last before a row. */
  knownBefore(lsn: number): AttributesOfTypes {
    return this.#seen.findLast(({ at }) => at <= lsn)?.known ?? new Map()
  }

  /** A new decoding session begins: PostgreSQL sends the layout again, whether it has changed or not. */
  unsettle(): void {
    this.phase = 'unsettled'
    this.from = 0
    this.to = 0
  }
}
