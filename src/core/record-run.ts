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
/** Returns the end of the record whose tag is at `tag`. */
function endOf(payload: Buffer, tag: number): number {
  return tag + payload.readUInt32BE(tag - lengthBytes)
}

const noBytes: Buffer = Buffer.alloc(0)

export class RecordRun {
  payload = noBytes
  count = 0
  // For each record the offset of its tag in the payload, u16 index of its table and u16 events, and the index of its timestamp.
  tags = new Uint32Array(16)
  whats = new Uint32Array(16)
  stamps = new Uint32Array(16)
  /** For each timestamp u64 wall, u32 logical, u32 nothing, as this machine has them in memory. */
  walls = new BigUint64Array(2 * 16)
  stampCount = 0
  /** The tables of the records, without repetition. */
  readonly tables: RunTable[] = []
  /** Counts up whenever the run is cleared. */
  version = 0
  /** The part of the payload that holds the records. */
  start = 0
  end = 0
  readonly #times: Hlc[] = []

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
    this.#makeRoom(count + 1)
    if (ts !== this.#times[this.stampCount - 1]) this.#stamp(ts)
    this.tags[count] = tag
    this.whats[count] = this.#indexOf(table) | (events << 16)
    this.stamps[count] = this.stampCount - 1
    this.count = count + 1
  }

  /**
   * Adds as many of the records `[from, to)` of `tags` as there is room for, all of one table and transaction, and returns the first that
   * is not added. Both events of each are emitted, as far as it has them.
   */
  addAll(payload: Buffer, tags: Uint32Array, from: number, to: number, table: RunTable, ts: Hlc): number {
    const first = tags[from] as number
    if (from === to || !this.hasRoom(payload, first, endOf(payload, first))) return from
    const most = Math.min(to, from + mostRecords - this.count)
    const start = this.count === 0 ? first - lengthBytes : this.start
    this.add(payload, first, endOf(payload, first), table, recordEvent.gone | recordEvent.there, ts)
    // Records lie in the order of their tags, so that which of them still have room is found by halves.
    let done = from + 1
    for (let beyond = most + 1; beyond - done > 1;) {
      const middle = (done + beyond) >> 1
      if (endOf(payload, tags[middle - 1] as number) - start <= mostBytes) done = middle
      else beyond = middle
    }
    this.#repeat(tags, from + 1, done)
    this.end = endOf(payload, tags[done - 1] as number)
    return done
  }

  /** Adds records that have the table, the events and the timestamp of the last one. */
  #repeat(tags: Uint32Array, from: number, to: number): void {
    const { count } = this
    const after = count + to - from
    this.#makeRoom(after)
    this.tags.set(tags.subarray(from, to), count)
    this.whats.fill(this.whats[count - 1] as number, count, after)
    this.stamps.fill(this.stamps[count - 1] as number, count, after)
    this.count = after
  }

  #makeRoom(records: number): void {
    const { length } = this.tags
    if (records <= length) return
    const wanted = Math.max(records, 2 * length)
    this.tags = grown(this.tags, wanted)
    this.whats = grown(this.whats, wanted)
    this.stamps = grown(this.stamps, wanted)
  }

  tagOf(record: number): number {
    return this.tags[record] as number
  }

  tableOf(record: number): RunTable {
    return this.tables[(this.whats[record] as number) & 0xffff] as RunTable
  }

  eventsOf(record: number): number {
    return (this.whats[record] as number) >>> 16
  }

  timeOf(record: number): Hlc {
    return this.#times[this.stamps[record] as number] as Hlc
  }

  clear(): void {
    this.payload = noBytes
    this.count = 0
    this.stampCount = 0
    this.#times.length = 0
    this.tables.length = 0
    this.version += 1
  }

  #stamp(ts: Hlc): void {
    const index = this.stampCount++
    if (2 * index === this.walls.length) this.walls = grown(this.walls)
    this.walls[2 * index] = ts.wall
    this.walls[2 * index + 1] = BigInt(ts.logical)
    this.#times.push(ts)
  }

  /** The table of the previous record comes first, then the others. */
  #indexOf(table: RunTable): number {
    const { tables, count, whats } = this
    if (count > 0) {
      const last = (whats[count - 1] as number) & 0xffff
      if (tables[last] === table) return last
    }
    const known = tables.indexOf(table)
    return known < 0 ? tables.push(table) - 1 : known
  }
}
