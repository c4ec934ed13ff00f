// Stands between the source and the log where nobody but us reads the catalogue. A row passes when it is proven with which description
// it is to be read; until then it waits, and everything behind it. Descriptions go into the log in front of the first row that needs
// them, or, if no row comes, when the stream has passed the reading that showed them.
//
// Two things prove a description (docs/decisions/0043-readings.md):
//
// - PostgreSQL sends the layout of a table again before the first row after a change of the table. So a reading is needed only
//   after each layout; until the next one nothing of the table's own rows in the catalogue changes.
// - The attributes of composite types change without a word. A row that has one waits until a reading after its transaction
//   shows the attributes that a reading before the row has shown.
//
// Where neither proves anything, the feeds of that table end with the reason, and the row is left out. Positions are numbers here:
// a row that need not wait costs no object.

import { readUint64 } from '../../bytes/int64.ts'
import type { Lsn } from '../../core/lsn.ts'
import { readRelation } from '../../decode/pgoutput/relation.ts'
import type { ReplicationHandler } from '../replication-message.ts'
import { proveLayouts, type AttributesOfTypes } from './composites.ts'
import { Descriptions, type DescriptionsOptions } from './descriptions.ts'
import type { GatedTable } from './gated-table.ts'
import { HeldMessages } from './held-messages.ts'
import type { Attributes } from './layouts.ts'
import { asPartOf, membershipOf } from './membership.ts'
import { fits, readLayout } from './read-layout.ts'
import { addedAndDropped, catalogueOf } from './catalogue-rows.ts'
import type { Reading } from './reading.ts'
import { TableReadings, type Era } from './table-readings.ts'

const letter = { B: 0x42, C: 0x43, R: 0x52, I: 0x49, U: 0x55, D: 0x44, Y: 0x59, keepalive: 0x6b } as const
/** With more bytes than this waiting, no more is read from the source. */
const mostHeldBytes = 4 * 1024 * 1024

export interface GateOptions extends Omit<DescriptionsOptions, 'readings'> {
  /** Leaves out the rows that the open transaction still has of the table, and ends its feeds. */
  readonly end: (relids: readonly number[], reason: string) => void
  /** Whether the open transaction is in the log already. */
  readonly isSkipping: () => boolean
  /** Nothing may be written until the source has proved to be the one of the log. */
  readonly isChecked: () => boolean
  /** Asks for a reading of these tables. */
  readonly want: (relids: readonly number[]) => void
  /** Converts a relation message to UTF-8. */
  readonly convert: (bytes: Buffer, start: number, end: number) => Buffer
}

export class Gate {
  readonly #options: GateOptions
  readonly #readings = new TableReadings()
  readonly #descriptions: Descriptions
  readonly #held = new HeldMessages()
  /** Eras that are described when the stream has passed them. */
  readonly #coming: { readonly relid: number; readonly era: Era }[] = []
  readonly #horizons: { readonly at: number; readonly xid: number }[] = []
  /** The tables that are in the publication themselves. */
  readonly #members = new Set<number>()
  #target: ReplicationHandler | undefined
  /** The table of the first message that waits. */
  #waiting = 0
  #commit = 0
  #xid = 0
  #room: PromiseWithResolvers<void> | undefined
  #empty: PromiseWithResolvers<void> | undefined

  constructor(options: GateOptions) {
    this.#options = options
    this.#descriptions = new Descriptions({ ...options, readings: this.#readings })
  }

  /** To be called when the source begins to decode anew; what passes goes to `target`. */
  open(target: ReplicationHandler): void {
    this.#target = target
    for (const table of this.#descriptions.all()) table.unsettle()
  }

  /** `bytes[start, end)` is a message of pgoutput, and its position is at `lsnAt`. */
  message(bytes: Buffer, start: number, end: number, lsnAt: number): void {
    if (this.#held.isEmpty && this.#take(bytes, start, end, lsnAt)) return
    this.#held.push(bytes, start, end, lsnAt)
    // The next reading is of all tables for which something waits.
    const tag = bytes[start]
    if (tag === letter.R) this.#options.want([bytes.readUInt32BE(start + 1)])
    else if (tag === letter.I || tag === letter.U || tag === letter.D) this.#wantFor(bytes.readUInt32BE(start + 1))
  }

  #wantFor(relid: number): void {
    if (this.#descriptions.find(relid)?.isFree === false) this.#options.want([relid])
  }

  keepalive(walEnd: Lsn, replyWanted: boolean): void {
    const bytes = Buffer.alloc(10)
    bytes.writeBigUInt64BE(walEnd)
    bytes[8] = letter.keepalive
    bytes[9] = replyWanted ? 1 : 0
    this.message(bytes, 8, bytes.length, 0)
  }

  /** The composite types of all tables. */
  types(): number[] {
    return [...new Set([...this.#descriptions.all()].flatMap(({ known }) => [...known.keys()]))]
  }

  /** The relations whose locks keep a reading from proving how the first message that waits is to be read. */
  waitsFor(): readonly number[] {
    const relid = this.#waiting
    const layouts = this.#readings.last(relid)?.table?.layouts.values() ?? []
    return [relid, ...[...layouts].map(({ relation }) => relation)]
  }

  get isHolding(): boolean {
    return !this.#held.isEmpty
  }

  /** The position that the stream must have passed before the next schema change is described; 0: none waits. */
  get awaited(): number {
    return this.#coming[0]?.era.since ?? 0
  }

  /** If it returns a promise, no more may be read until that settles. */
  room(): void | Promise<void> {
    if (this.#held.bytes < mostHeldBytes) return
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  /** Settles when nothing waits. */
  async settled(): Promise<void> {
    if (this.#held.isEmpty) return
    this.#empty ??= Promise.withResolvers()
    await this.#empty.promise
  }

  taken(reading: Reading): void {
    this.#horizons.push({ at: reading.to, xid: reading.horizon })
    if (this.#horizons.length > 64) this.#horizons.shift()
    for (const relid of reading.asked) {
      if (reading.members.has(relid)) this.#members.add(relid)
      else this.#members.delete(relid)
    }
    const typesOf = (relid: number): Iterable<number> => this.#descriptions.find(relid)?.known.keys() ?? []
    for (const relid of this.#readings.add(reading, typesOf)) {
      const era = this.#readings.last(relid)
      if (era !== undefined) this.#coming.push({ relid, era })
      if (era?.table !== undefined) this.#descriptions.learn(era.table)
    }
    this.#held.drain((bytes, start, end, lsnAt) => this.#take(bytes, start, end, lsnAt))
    if (this.#held.bytes < mostHeldBytes) {
      this.#room?.resolve()
      this.#room = undefined
    }
    if (!this.#held.isEmpty) return
    this.#empty?.resolve()
    this.#empty = undefined
  }

  /** Returns false if the message must wait. */
  #take(bytes: Buffer, start: number, end: number, lsnAt: number): boolean {
    const target = this.#target
    if (target === undefined) return false
    switch (bytes[start]) {
      case letter.I:
      case letter.U:
      case letter.D: {
        if (this.#options.isSkipping()) break
        const table = this.#descriptions.find(bytes.readUInt32BE(start + 1))
        if (table === undefined) break
        if (!table.isFree && !this.#isProven(table, readPosition(bytes, lsnAt))) return false
        break
      }
      case letter.B:
        this.#commit = readPosition(bytes, start + 1)
        this.#xid = bytes.readUInt32BE(start + 17)
        break
      case letter.R:
        this.#layOut(this.#options.convert(bytes, start, end))
        break
      case letter.Y:
        this.#descriptions.nameType(bytes, start)
        break
      case letter.C:
        target.message(bytes, start, end)
        this.#passed(readPosition(bytes, start + 10))
        return true
      case letter.keepalive:
        if (this.#commit === 0) this.#passed(readPosition(bytes, lsnAt))
        target.keepalive(readUint64(bytes, lsnAt), bytes[start + 1] === 1)
        return true
    }
    target.message(bytes, start, end)
    return true
  }

  #layOut(message: Buffer): void {
    const layout = readRelation(message, 0, message.length)
    const table = this.#descriptions.table(layout.relid)
    table.layout = layout
    table.unsettle()
  }

  #isProven(table: GatedTable, lsn: number): boolean {
    return (table.isSettled && lsn >= table.from && this.#commit < table.to) || this.#resolve(table, lsn)
  }

  /** Finds the description of a row; false: a reading is needed. */
  #resolve(table: GatedTable, lsn: number): boolean {
    const era = this.#readings.after(table.relid, lsn, this.#xid)
    if (era === undefined) {
      this.#waiting = table.relid
      this.#options.want([table.relid, ...(table.inForce?.ancestors ?? [])])
      return false
    }
    if (!table.isSettled) this.#settle(table, era, lsn)
    if (!table.isSettled) return true
    if (this.#descriptions.compositesOf(table.inForce).size === 0) {
      table.isFree = true
      return true
    }
    return this.#resolveComposites(table, lsn)
  }

  #settle(table: GatedTable, era: Era, lsn: number): void {
    const { layout } = table
    if (layout === undefined) return
    // A reading may have shown the table since its last row.
    const last = this.#readings.eras(table.relid).findLast(({ since }) => since <= lsn)
    if (last !== undefined && last !== era && last.since > table.era) this.#descriptions.adopt(table, last)
    const after = era.table === undefined ? undefined : { ...era.table.description, catalogue: catalogueOf(era.table) }
    const before = table.inForce?.dropped === true ? undefined : table.inForce
    const membership = membershipOf(before, after)
    // Without a membership of its own it was published as a partition, so it was one.
    const isCertain = membership === 'same' || !this.#members.has(table.relid)
    if (membership === 'left' && !isCertain) {
      this.#end(table, 'it was detached as a partition')
      return
    }
    // Its rows are read when the stream has passed the reading. Those of before may be from before it was attached.
    if (membership === 'joined' && !isCertain) table.hasPassedOver = true
    const decision = readLayout(layout, {
      before,
      after,
      gone: before === undefined || era.table === undefined ? [] : addedAndDropped(before, era.table),
      shapeOf: (oid) => this.#descriptions.shapeOf(oid),
    })
    if (decision.tag === 'unknown') {
      if (membership === 'joined') table.hasPassedOver = true
      this.#end(table, decision.what)
      return
    }
    table.isSettled = true
    if (membership === 'joined' && isCertain && after !== undefined) {
      const isAfter = decision.by === 'after' || (decision.by === 'before' && fits(layout, after))
      if (isAfter) this.#descriptions.adopt(table, era)
      else this.#descriptions.writeAs(table, era, (seen) => asPartOf(decision.description, seen))
    } else if (decision.by === 'after') {
      if (before === undefined || membership === 'same') this.#descriptions.adopt(table, era)
      else this.#descriptions.writeAs(table, era, (seen) => asPartOf(seen, before))
    } else if (decision.by === 'message') {
      const description = { ...decision.description, catalogue: table.inForce?.catalogue }
      const { table: seen } = era
      this.#descriptions.write(
        table,
        seen === undefined
          ? description
          : this.#descriptions.withTypes(table, { ...description, seen, at: era.since, also: new Map() }),
      )
    }
  }

  #resolveComposites(table: GatedTable, lsn: number): boolean {
    const { relid } = table
    const span = this.#readings.spanning(relid, lsn, Math.max(this.#commit, lsn), this.#xid)
    if (span === undefined) {
      this.#waiting = relid
      this.#options.want([relid])
      return false
    }
    const horizon = this.#horizons.findLast(({ at }) => at <= lsn)?.xid
    const last = span.eras.findLast((era) => era.table !== undefined)
    const proof = proveLayouts(span, {
      logged: table.knownBefore(lsn),
      horizon,
      used: [...this.#descriptions.compositesOf(table.inForce)],
    })
    if (proof.tag === 'unknown' || last === undefined) {
      this.#end(table, proof.tag === 'unknown' ? proof.what : 'it was dropped')
      return true
    }
    if (!covers(table.known, proof.attributes)) this.#descriptions.reshape(table, last, proof.attributes)
    const [era] = span.eras
    if (era !== undefined && span.eras.length === 1 && span.isWhole && !proof.isByCount) {
      table.from = era.since
      table.to = era.until
    }
    return true
  }

  #end(table: GatedTable, what: string): void {
    const name = nameOf(table)
    const reason = `it cannot be told how rows of table ${name} are to be read that transaction ${this.#xid} has written: ${what} at about the same time`
    this.#options.end([table.relid, ...(table.inForce?.ancestors ?? [])], reason)
  }

  /** Describes what was read before the stream was here, and no row has shown. */
  #passed(position: number): void {
    this.#commit = 0
    if (!this.#options.isChecked()) return
    while (this.#coming[0] !== undefined && this.#coming[0].era.since <= position) {
      const { relid, era } = this.#coming.shift() as { relid: number; era: Era }
      const table = this.#descriptions.table(relid)
      if (era.since <= table.era) continue
      if (era.table !== undefined) this.#descriptions.adopt(table, era)
      else if (table.inForce !== undefined && table.inForce.dropped !== true) {
        this.#descriptions.write(table, { ...table.inForce, dropped: true })
        table.era = era.since
      }
    }
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

/** A position in the WAL, as a number. */
export function readPosition(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}

/** Waits for `wait` and for room in the gate, if there is one. */
export function roomIn(gate: Gate | undefined, wait: void | Promise<void>): void | Promise<void> {
  const room = gate?.room()
  return room === undefined ? wait : Promise.all([wait, room]).then(() => undefined)
}
