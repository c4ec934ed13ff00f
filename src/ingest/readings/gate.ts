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
import { ComingChanges } from './coming-changes.ts'
import { Descriptions, type DescriptionsOptions } from './descriptions.ts'
import { HeldMessages } from './held-messages.ts'
import type { Reading } from './reading.ts'
import { RowProofs, type RowProofsOptions } from './row-proofs.ts'
import { TableReadings } from './table-readings.ts'

const letter = { B: 0x42, C: 0x43, R: 0x52, I: 0x49, U: 0x55, D: 0x44, Y: 0x59, keepalive: 0x6b } as const
/** With more bytes than this waiting, no more is read from the source. */
const mostHeldBytes = 4 * 1024 * 1024

export interface GateOptions extends Omit<DescriptionsOptions, 'readings'>, Pick<RowProofsOptions, 'end' | 'want'> {
  /** Whether the open transaction is in the log already. */
  readonly isSkipping: () => boolean
  /** Nothing may be written until the source has proved to be the one of the log. */
  readonly isChecked: () => boolean
  /** Converts a relation message to UTF-8. */
  readonly convert: (bytes: Buffer, start: number, end: number) => Buffer
}

export class Gate {
  readonly #options: GateOptions
  readonly #readings = new TableReadings()
  readonly #descriptions: Descriptions
  readonly #held = new HeldMessages()
  readonly #coming: ComingChanges
  readonly #proofs: RowProofs
  #target: ReplicationHandler | undefined
  #room: PromiseWithResolvers<void> | undefined
  #empty: PromiseWithResolvers<void> | undefined

  constructor(options: GateOptions) {
    this.#options = options
    const parts = { ...options, readings: this.#readings }
    this.#descriptions = new Descriptions(parts)
    this.#coming = new ComingChanges(this.#descriptions)
    this.#proofs = new RowProofs({ ...parts, descriptions: this.#descriptions })
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
    const table = this.#descriptions.find(relid)
    if (table !== undefined && table.phase !== 'free') this.#options.want([relid])
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
    const relid = this.#proofs.waiting
    const layouts = this.#readings.last(relid)?.table?.layouts.values() ?? []
    return [relid, ...[...layouts].map(({ relation }) => relation)]
  }

  get isHolding(): boolean {
    return !this.#held.isEmpty
  }

  /** The position that the stream must have passed before the next schema change is described; 0: none waits. */
  get awaited(): number {
    return this.#coming.awaited
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
    this.#proofs.taken(reading)
    const typesOf = (relid: number): Iterable<number> => this.#descriptions.find(relid)?.known.keys() ?? []
    for (const relid of this.#readings.add(reading, typesOf)) {
      const era = this.#readings.last(relid)
      if (era !== undefined) this.#coming.push(relid, era)
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
        if (table === undefined || table.phase === 'free') break
        if (!this.#proofs.isProven(table, readPosition(bytes, lsnAt))) return false
        break
      }
      case letter.B:
        this.#proofs.commit = readPosition(bytes, start + 1)
        this.#proofs.xid = bytes.readUInt32BE(start + 17)
        break
      case letter.R: {
        const message = this.#options.convert(bytes, start, end)
        this.#proofs.layOut(readRelation(message, 0, message.length))
        break
      }
      case letter.Y:
        this.#descriptions.nameType(bytes, start)
        break
      case letter.C:
        target.message(bytes, start, end)
        this.#passed(readPosition(bytes, start + 10))
        return true
      case letter.keepalive:
        if (this.#proofs.commit === 0) this.#passed(readPosition(bytes, lsnAt))
        target.keepalive(readUint64(bytes, lsnAt), bytes[start + 1] === 1)
        return true
    }
    target.message(bytes, start, end)
    return true
  }

  #passed(position: number): void {
    this.#proofs.commit = 0
    if (this.#options.isChecked()) this.#coming.describeUntil(position)
  }
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
