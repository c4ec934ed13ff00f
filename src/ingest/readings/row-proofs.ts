// Decides for each row whether it is proven how it is to be read. What is known of a table goes through these phases:
//
//   unsettled ── a row, and a reading after it ──► settled ── no composite types ──► free
//      ▲ │                                            │                               │
//      │ └─ undecidable: the rows of the transaction are left out, and feeds end      │
//      └────────── PostgreSQL sends the layout again, or begins to decode anew ◄──────┘
//
// Rows of a free table pass. A row with composite values passes while nothing about their types has changed since the last one,
// and otherwise waits for a reading after the commit of its transaction.

import type { RelationMessage } from '../../decode/pgoutput/relation.ts'
import { proveLayouts, type AttributesOfTypes } from './composites.ts'
import type { Descriptions } from './descriptions.ts'
import type { GatedTable } from './gated-table.ts'
import type { Attributes } from './layouts.ts'
import { Members } from './members.ts'
import type { Reading } from './reading.ts'
import { settle } from './settle.ts'
import type { TableReadings } from './table-readings.ts'

const keptHorizons = 64

export interface RowProofsOptions {
  readonly readings: TableReadings
  readonly descriptions: Descriptions
  /** Leaves out the rows that the open transaction still has of these tables, and ends their feeds. */
  readonly end: (relids: readonly number[], reason: string) => void
  /** Asks for a reading of these tables. */
  readonly want: (relids: readonly number[]) => void
}

export class RowProofs {
  readonly #options: RowProofsOptions
  readonly #members: Members
  readonly #horizons: { readonly at: number; readonly xid: number }[] = []
  /** The table of the first row that waits. */
  waiting = 0
  /** The open transaction, and the position of its commit; 0: there is none. */
  xid = 0
  commit = 0

  constructor(options: RowProofsOptions) {
    this.#options = options
    this.#members = new Members((relid) => options.descriptions.table(relid).inForce?.catalogue?.member === true)
  }

  taken(reading: Reading): void {
    this.#horizons.push({ at: reading.to, xid: reading.horizon })
    if (this.#horizons.length > keptHorizons) this.#horizons.shift()
    this.#members.taken(reading)
  }

  layOut(layout: RelationMessage): void {
    const table = this.#options.descriptions.table(layout.relid)
    table.layout = layout
    table.unsettle()
  }

  /** Returns false if the row must wait for a reading. A row that need not wait costs no object. */
  isProven(table: GatedTable, lsn: number): boolean {
    if (table.phase === 'settled' && lsn >= table.from && this.commit < table.to) return true
    return table.phase === 'free' || this.#resolve(table, lsn)
  }

  #resolve(table: GatedTable, lsn: number): boolean {
    const { readings, descriptions } = this.#options
    const era = readings.after(table.relid, lsn, this.xid)
    if (era === undefined) return this.#mustWait(table, table.inForce?.ancestors)
    if (table.phase === 'unsettled') {
      const [unread, ...others] = descriptions.unreadAncestors(era)
      if (unread !== undefined) return this.#mustWait(descriptions.table(unread), [table.relid, ...others])
      const ended = settle(table, { readings, descriptions, members: this.#members, era, lsn })
      if (ended !== undefined) this.#end(table, ended.why, ended.relids)
    }
    // Rows of a table whose feeds have ended are left out.
    if (table.phase === 'unsettled') return true
    if (descriptions.compositesOf(table.inForce).size === 0) {
      table.phase = 'free'
      return true
    }
    return this.#resolveComposites(table, lsn)
  }

  #mustWait(table: GatedTable, others: readonly number[] = []): false {
    this.waiting = table.relid
    this.#options.want([table.relid, ...others])
    return false
  }

  #resolveComposites(table: GatedTable, lsn: number): boolean {
    const { relid } = table
    const { readings, descriptions } = this.#options
    const span = readings.spanning(relid, lsn, Math.max(this.commit, lsn), this.xid)
    if (span === undefined) return this.#mustWait(table)
    const horizon = this.#horizons.findLast(({ at }) => at <= lsn)?.xid
    const last = span.eras.findLast((era) => era.table !== undefined)
    const proof = proveLayouts(span, {
      logged: table.knownBefore(lsn),
      horizon,
      used: [...descriptions.compositesOf(table.inForce)],
    })
    if (proof.tag === 'unknown' || last === undefined) {
      this.#end(table, proof.tag === 'unknown' ? proof.what : 'it was dropped', table.inForce?.ancestors)
      return true
    }
    if (!covers(table.known, proof.attributes)) descriptions.reshape(table, last, proof.attributes)
    const [era] = span.eras
    if (era !== undefined && span.eras.length === 1 && span.isWhole && !proof.isByCount) {
      table.from = era.since
      table.to = era.until
    }
    return true
  }

  #end(table: GatedTable, what: string, others: readonly number[] = []): void {
    const reason = `it cannot be told how rows of table ${nameOf(table)} are to be read that transaction ${this.xid} has written: ${what} at about the same time`
    this.#options.end([...new Set([table.relid, ...others])], reason)
  }
}

function nameOf({ inForce, layout, relid }: GatedTable): string {
  const named = layout ?? inForce
  return named === undefined ? String(relid) : `${named.schema}.${named.name}`
}

/** Whether the known attributes of types contain all of the wanted ones. */
function covers(known: AttributesOfTypes, wanted: AttributesOfTypes): boolean {
  for (const [oid, lists] of wanted) {
    const texts = known.get(oid)?.map(placesOf) ?? []
    if (!lists.every((list) => texts.includes(placesOf(list)))) return false
  }
  return true
}

/** The live attributes by their numbers: names may be those of a moment before. */
function placesOf(attributes: Attributes): string {
  return attributes.flatMap(([attnum, name]) => (name === null ? [] : [attnum])).join()
}
