// How far a changefeed with a job has come: everything that a restart needs. What a progress says is delivered has been
// confirmed by the sink. Structured cloneable. A job passes through its phases in this order:
//
//   initial-scan ──► following          a feed without an initial scan starts in `following`
//
// How a progress is stored: jobs/progress-record.ts.

import type { Hlc } from './hlc.ts'

export type JobProgress =
  /** The initial scan is not complete. `scan` is undefined as long as its time is not known. */
  | { readonly tag: 'initial-scan'; readonly scan: ScanProgress | undefined }
  /** Everything at or below the high-water mark has been delivered. */
  | { readonly tag: 'following'; readonly highWater: Hlc }

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

/** The high-water mark that users see; undefined during the initial scan. */
export function highWaterOf(progress: JobProgress): Hlc | undefined {
  return progress.tag === 'following' ? progress.highWater : undefined
}

/** The time from which on a job still reads the changelog; undefined: its scan has no time yet, so the job needs none of it. */
export function readsLogFrom(progress: JobProgress): Hlc | undefined {
  return progress.tag === 'following' ? progress.highWater : progress.scan?.at
}
