// Messages of COPY … TO STDOUT in text format that follow each other, with their heads: rows of one table, as they come from the
// connection. An encoder that takes such runs reads the lines itself, so that no row costs a view or a call. Who reads a table
// has one run, which is set again and again.

import { earlierHlc, zeroHlc, type Hlc } from './hlc.ts'
import type { RunTable } from './record-run.ts'
import type { RelationSchema } from './relation.ts'

/** What a line of COPY has; it can be cloned for another thread. */
export interface CopyShape {
  readonly relation: RelationSchema
  /** The number of values in a line: those of the relation, and then others. */
  readonly sent: number
  /** Whether the last value is the commit time of the row. */
  readonly commitTimes: boolean
}

/** The tag of a message and its length. */
export const copyHeadBytes = 5

const noBytes: Buffer = Buffer.alloc(0)
const tab = 0x09

export class CopyRun {
  readonly shape: CopyShape
  bytes = noBytes
  end = 0
  table: RunTable | undefined
  /** The timestamp of all rows. */
  at: Hlc = zeroHlc
  /** Counts up whenever the run gets other bytes. */
  version = 0

  constructor(shape: CopyShape) {
    this.shape = shape
  }

  set(table: RunTable | undefined, bytes: Buffer, end: number): void {
    this.table = table
    this.bytes = bytes
    this.end = end
    this.version += 1
  }

  /** Returns the offset after the message at `at`. */
  after(at: number): number {
    return at + 1 + this.bytes.readInt32BE(at + 1)
  }

  /** When the row of the message at `at` was committed (`mvcc_timestamp`). */
  timeOf(at: number): Hlc {
    if (!this.shape.commitTimes) return this.at
    const line = this.bytes.subarray(at + copyHeadBytes, this.after(at))
    const micros = line.toString('latin1', line.lastIndexOf(tab) + 1).trimEnd()
    return rowTime(micros === '\\N' ? undefined : micros, this.at)
  }
}

/** Returns the time of a row that a scan as of `at` reads. `commitMicros`: µs since 1970; undefined: it is not known. */
export function rowTime(commitMicros: string | undefined, at: Hlc): Hlc {
  if (commitMicros === undefined) return at
  return earlierHlc({ wall: BigInt(commitMicros) * 1000n, logical: 0 }, at)
}
