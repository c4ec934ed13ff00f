// How far a changefeed with a job has come: what a restart needs, and nothing else. Whatever it says is durable at the far
// end. Structured cloneable.

import type { Hlc } from './hlc.ts'

export interface JobProgress {
  /** Everything at or below it has been delivered. Undefined: the initial scan is not complete. */
  readonly highWater: Hlc | undefined
  /** Undefined: no scan has begun, or it is complete. */
  readonly scan: ScanProgress | undefined
}

export interface ScanProgress {
  /** Delivered are: the rows of the finished pages as of here or earlier, and every later change up to here. */
  readonly at: Hlc
  readonly tables: readonly ScannedTable[]
  /** Of all pages, 0 to 1. */
  readonly fraction: number
}

export interface ScannedTable {
  readonly relid: number
  /** The table's file: a rewrite (VACUUM FULL) moves rows between pages, and nothing counts as finished any more. */
  readonly file: string
  /** Finished runs of pages, [from, to); null: to the end. */
  readonly done: readonly (readonly [from: number, to: number | null])[]
}
