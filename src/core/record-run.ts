// Row records of a changelog block that are to become messages, in the order of the log. An encoder that takes such runs reads
// the records itself, so that no row costs a view, an object or a call. A run may have records of several tables and
// transactions. A feed has one run, which it fills again and again.

import { grown } from '../bytes/grow.ts'
import type { Hlc } from './hlc.ts'
import type { RelationSchema } from './relation.ts'

/** Which events of a record are emitted: the row with the old key is gone, the row is there with its values. */
export const recordEvent = { gone: 1, there: 2 } as const

/** The records of a table that print alike. */
export interface RunTable {
  readonly relation: RelationSchema
  /** Index into `FeedSpec.targets`. */
  readonly topic: number
  /** The number that `Encoder.prepare` returned. */
  readonly schema: number
}

const mostRecords = 2048
const mostBytes = 128 * 1024
const mostTables = 64
/** The length that comes before a record. */
const lengthBytes = 4
const noBytes: Buffer = Buffer.alloc(0)

export class RecordRun {
  payload = noBytes
  count = 0
  /** For each record u32 offset of its tag in the payload, u16 index of its table and u16 events, u32 index of its timestamp. */
  entries = new Uint32Array(3 * 64)
  /** For each timestamp u64 wall, u32 logical, u32 nothing, as this machine has them in memory. */
  walls = new BigUint64Array(2 * 64)
  stampCount = 0
  /** The tables of the records, without repetition. */
  readonly tables: RunTable[] = []
  /** Counts up whenever the run is cleared. */
  version = 0
  /** The part of the payload that holds the records. */
  start = 0
  end = 0
  readonly #stamps: Hlc[] = []

  /** Whether the record at `tag` has room in the run. One that has none in an empty run is too large for runs. */
  hasRoom(payload: Buffer, tag: number, end: number): boolean {
    if (this.count === 0) return end - tag + lengthBytes <= mostBytes
    return (
      payload === this.payload &&
      this.count < mostRecords &&
      this.tables.length < mostTables &&
      end - this.start <= mostBytes
    )
  }

  /** `events` are those of `recordEvent`. `ts` is the same object for all records of a transaction. */
  add(payload: Buffer, tag: number, end: number, table: RunTable, events: number, ts: Hlc): void {
    const { count } = this
    if (count === 0) {
      this.payload = payload
      this.start = tag - lengthBytes
    }
    this.end = end
    if (3 * count === this.entries.length) this.entries = grown(this.entries)
    if (ts !== this.#stamps[this.stampCount - 1]) this.#stamp(ts)
    this.entries[3 * count] = tag
    this.entries[3 * count + 1] = this.#indexOf(table) | (events << 16)
    this.entries[3 * count + 2] = this.stampCount - 1
    this.count = count + 1
  }

  tagOf(record: number): number {
    return this.entries[3 * record] as number
  }

  tableOf(record: number): RunTable {
    return this.tables[(this.entries[3 * record + 1] as number) & 0xffff] as RunTable
  }

  eventsOf(record: number): number {
    return (this.entries[3 * record + 1] as number) >>> 16
  }

  timeOf(record: number): Hlc {
    return this.#stamps[this.entries[3 * record + 2] as number] as Hlc
  }

  clear(): void {
    this.payload = noBytes
    this.count = 0
    this.stampCount = 0
    this.#stamps.length = 0
    this.tables.length = 0
    this.version += 1
  }

  #stamp(ts: Hlc): void {
    const index = this.stampCount++
    if (2 * index === this.walls.length) this.walls = grown(this.walls)
    this.walls[2 * index] = ts.wall
    this.walls[2 * index + 1] = BigInt(ts.logical)
    this.#stamps.push(ts)
  }

  /** The table of the previous record comes first, then the others. */
  #indexOf(table: RunTable): number {
    const { tables, count, entries } = this
    if (count > 0) {
      const last = (entries[3 * count - 2] as number) & 0xffff
      if (tables[last] === table) return last
    }
    const known = tables.indexOf(table)
    return known < 0 ? tables.push(table) - 1 : known
  }
}
