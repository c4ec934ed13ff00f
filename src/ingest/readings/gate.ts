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

import type { TableDescription, TypeShape } from '../../core/table.ts'
import { readRelation } from '../../decode/pgoutput/relation.ts'
import { describeWith } from '../../source-schema/prepared/describe-tables.ts'
import type { ReplicationHandler } from '../replication-message.ts'
import { formerAttributes, proveLayouts, type AttributesOfTypes } from './composites.ts'
import { GatedTable } from './gated-table.ts'
import { HeldMessages } from './held-messages.ts'
import { readLayout } from './read-layout.ts'
import { catalogueOf, rewritesOf } from './catalogue-rows.ts'
import type { Reading } from './reading.ts'
import { TableReadings, type Era } from './table-readings.ts'

const letter = { B: 0x42, C: 0x43, R: 0x52, I: 0x49, U: 0x55, D: 0x44, Y: 0x59, keepalive: 0x6b } as const
/** With more bytes than this waiting, no more is read from the source. */
const mostHeldBytes = 4 * 1024 * 1024

export interface GateOptions {
  /** What the log holds of the tables it knows: their last descriptions. */
  readonly described: (relid: number) => Buffer | undefined
  /** Writes the description of a table into the log. */
  readonly describe: (relid: number, json: Buffer, dropped: boolean) => void
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

export interface GateCounts {
  proven: number
  byLayout: number
  byCount: number
  ended: number
  held: number
}

export class Gate {
  readonly #options: GateOptions
  readonly #readings = new TableReadings()
  readonly #tables = new Map<number, GatedTable>()
  readonly #held = new HeldMessages()
  /** Shapes of types, also of types that are gone. */
  readonly #shapes = new Map<number, TypeShape>()
  /** Eras that are described when the stream has passed them. */
  readonly #coming: { readonly relid: number; readonly era: Era }[] = []
  readonly #horizons: { readonly at: number; readonly xid: number }[] = []
  #target: ReplicationHandler | undefined
  #commit = 0
  #xid = 0
  #room: PromiseWithResolvers<void> | undefined
  #empty: PromiseWithResolvers<void> | undefined
  readonly counts: GateCounts = { proven: 0, byLayout: 0, byCount: 0, ended: 0, held: 0 }

  constructor(options: GateOptions) {
    this.#options = options
  }

  /** To be called when the source begins to decode anew; what passes goes to `target`. */
  open(target: ReplicationHandler): void {
    this.#target = target
    for (const table of this.#tables.values()) table.unsettle()
  }

  /** A message of pgoutput, at this position. */
  message(lsn: number, bytes: Buffer, start: number, end: number): void {
    if (this.#held.isEmpty && this.#take(lsn, bytes, start, end)) return
    this.counts.held += 1
    this.#held.push(lsn, bytes, start, end)
  }

  keepalive(walEnd: number, replyWanted: boolean): void {
    const bytes = Buffer.of(letter.keepalive, replyWanted ? 1 : 0)
    this.message(walEnd, bytes, 0, bytes.length)
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
    for (const relid of this.#readings.add(reading)) {
      const era = this.#readings.last(relid)
      if (era !== undefined) this.#coming.push({ relid, era })
      for (const { typeOid, shape } of era?.table?.description.columns ?? []) this.#shapes.set(typeOid, shape)
    }
    this.#held.drain((lsn, bytes, start, end) => this.#take(lsn, bytes, start, end))
    if (this.#held.bytes < mostHeldBytes) {
      this.#room?.resolve()
      this.#room = undefined
    }
    if (!this.#held.isEmpty) return
    this.#empty?.resolve()
    this.#empty = undefined
  }

  /** Returns false if the message must wait. */
  #take(lsn: number, bytes: Buffer, start: number, end: number): boolean {
    const target = this.#target
    if (target === undefined) return false
    switch (bytes[start]) {
      case letter.I:
      case letter.U:
      case letter.D: {
        if (this.#options.isSkipping()) break
        const table = this.#tables.get(bytes.readUInt32BE(start + 1))
        if (table === undefined) break
        const isFree = table.isSettled && lsn >= table.from && this.#commit < table.to
        if (!isFree && !this.#resolve(table, lsn)) return false
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
        this.#nameType(bytes, start)
        break
      case letter.C:
        target.message(bytes, start, end)
        this.#passed(readPosition(bytes, start + 10))
        return true
      case letter.keepalive:
        if (this.#commit === 0) this.#passed(lsn)
        target.keepalive(BigInt(lsn), bytes[start + 1] === 1)
        return true
    }
    target.message(bytes, start, end)
    return true
  }

  #layOut(message: Buffer): void {
    const layout = readRelation(message, 0, message.length)
    const table = this.#table(layout.relid)
    table.layout = layout
    table.unsettle()
  }

  /** A type message, which names the type below a domain. */
  #nameType(bytes: Buffer, start: number): void {
    const oid = bytes.readUInt32BE(start + 1)
    const zero = bytes.indexOf(0, start + 5)
    if (zero !== start + 5 || this.#shapes.has(oid)) return
    this.#shapes.set(oid, { tag: 'scalar', name: bytes.toString('latin1', zero + 1, bytes.indexOf(0, zero + 1)) })
  }

  #table(relid: number): GatedTable {
    let table = this.#tables.get(relid)
    if (table !== undefined) return table
    table = new GatedTable(relid)
    this.#tables.set(relid, table)
    const json = this.#options.described(relid)?.toString('utf8')
    if (json === undefined) return table
    table.json = json
    table.inForce = JSON.parse(json) as TableDescription
    table.known = new Map(
      Object.entries(table.inForce.catalogue?.types ?? {}).map(([oid, attributes]) => [Number(oid), [attributes]]),
    )
    for (const { typeOid, shape } of table.inForce.columns) this.#shapes.set(typeOid, shape)
    return table
  }

  /** Finds the description of a row; false: a reading is needed. */
  #resolve(table: GatedTable, lsn: number): boolean {
    const era = this.#readings.after(table.relid, lsn, this.#xid)
    if (era === undefined) {
      this.#options.want([table.relid, ...(table.inForce?.ancestors ?? [])])
      return false
    }
    if (!table.isSettled) this.#settle(table, era, lsn)
    const hasComposites = table.known.size > 0 || (era.table?.layouts.size ?? 0) > 0
    if (!hasComposites) {
      table.from = 0
      table.to = Number.POSITIVE_INFINITY
      return true
    }
    return this.#resolveComposites(table, lsn)
  }

  #settle(table: GatedTable, era: Era, lsn: number): void {
    table.isSettled = true
    const { layout } = table
    if (layout === undefined) return
    // A reading may have shown the table since its last row.
    const last = this.#readings.eras(table.relid).findLast(({ since }) => since <= lsn)
    if (last !== undefined && last !== era && last.since > table.era) this.#adopt(table, last)
    const after = era.table === undefined ? undefined : this.#described(table, era)
    const decision = readLayout(layout, {
      before: table.inForce?.dropped === true ? undefined : table.inForce,
      after,
      shapeOf: (oid) => this.#shapes.get(oid),
    })
    if (decision.tag === 'unknown') {
      this.#end(table, decision.what)
      if (era.table !== undefined) this.#adopt(table, era)
      return
    }
    this.counts.byLayout += 1
    if (decision.by === 'after') this.#adopt(table, era)
    else if (decision.by === 'message')
      this.#write(table, { ...decision.description, catalogue: table.inForce?.catalogue })
  }

  #resolveComposites(table: GatedTable, lsn: number): boolean {
    const { relid } = table
    const span = this.#readings.spanning(relid, lsn, Math.max(this.#commit, lsn), this.#xid)
    if (span === undefined) {
      this.#options.want([relid])
      return false
    }
    const horizon = this.#horizons.findLast(({ at }) => at <= lsn)?.xid
    const proof = proveLayouts(span, { logged: table.known, horizon })
    if (proof.tag === 'unknown') {
      this.#end(table, proof.what)
      const last = span.eras.at(-1)
      if (last?.table !== undefined && last.since > table.era) this.#adopt(table, last)
      return true
    }
    if (proof.tag === 'one') {
      this.counts.proven += 1
      const [era] = span.eras
      if (era !== undefined && span.eras.length === 1 && span.isWhole) {
        table.from = era.since
        table.to = era.until
      }
      if (era?.table !== undefined && !this.#covers(table, proof.attributes)) this.#adopt(table, era)
      return true
    }
    this.counts.byCount += 1
    if (this.#covers(table, proof.attributes)) return true
    const newest = span.eras.findLast((era) => era.table !== undefined)
    if (newest === undefined || newest.since < table.era) {
      this.#end(table, 'a composite type of it was changed')
      return true
    }
    this.#adopt(table, newest, proof.attributes)
    return true
  }

  /** Whether the description in the log has all of these attributes of types. */
  #covers(table: GatedTable, wanted: AttributesOfTypes): boolean {
    for (const [oid, lists] of wanted) {
      const known = (table.known.get(oid) ?? []).map((list) => JSON.stringify(list))
      if (!lists.every((list) => known.includes(JSON.stringify(list)))) return false
    }
    return true
  }

  /** The description of the table in an era, with what its composite types had before. */
  #described(table: GatedTable, era: Era, also: AttributesOfTypes = new Map()): TableDescription {
    const seen = era.table
    if (seen === undefined) throw new Error('a table that does not exist has no description')
    const known = formerAttributes(seen, this.#readings.eras(table.relid), table.known, also)
    const described = describeWith(table.relid, seen, known)
    const rewrites = rewritesOf(table.inForce, seen)
    return { ...described, ...(rewrites > 0 ? { rewrites } : {}), catalogue: catalogueOf(seen) }
  }

  #adopt(table: GatedTable, era: Era, also?: AttributesOfTypes): void {
    if (era.table === undefined) return
    // Rows of a partition are those of its partitioned tables, which have the same columns from the same moment on.
    for (const relid of era.table.description.ancestors ?? []) {
      const ancestor = this.#readings.eras(relid).findLast(({ since }) => since <= era.since)
      if (ancestor !== undefined && ancestor.since > this.#table(relid).era) this.#adopt(this.#table(relid), ancestor)
    }
    const description = this.#described(table, era, also)
    const former = formerAttributes(era.table, this.#readings.eras(table.relid), table.known, also ?? new Map())
    table.known = new Map(
      [...era.table.layouts].map(([oid, { attributes }]) => [oid, [attributes, ...(former.get(oid) ?? [])]]),
    )
    this.#write(table, description)
    table.era = era.since
  }

  #write(table: GatedTable, description: TableDescription): void {
    const json = JSON.stringify(description)
    table.inForce = description
    if (json === table.json) return
    table.json = json
    this.#options.describe(table.relid, Buffer.from(json), description.dropped === true)
  }

  #end(table: GatedTable, what: string): void {
    this.counts.ended += 1
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
      const table = this.#table(relid)
      if (era.since <= table.era) continue
      if (era.table !== undefined) this.#adopt(table, era)
      else if (table.inForce !== undefined && table.inForce.dropped !== true) {
        this.#write(table, { ...table.inForce, dropped: true })
        table.era = era.since
      }
    }
  }
}

function nameOf({ inForce, layout, relid }: GatedTable): string {
  const named = layout ?? inForce
  return named === undefined ? String(relid) : `${named.schema}.${named.name}`
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
