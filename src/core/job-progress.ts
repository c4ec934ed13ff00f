// How far a changefeed with a job has come: everything that a restart needs. What a progress says is delivered has been
// confirmed by the sink. Structured cloneable. A job passes through its phases in this order:
//
//   initial-scan ──► following ◄──► backfill          a feed without an initial scan starts in `following`
//
// How a progress is stored: jobs/progress-record.ts.

import { compareHlc, prevHlc, type Hlc } from './hlc.ts'

export type JobProgress =
  /** The initial scan is not complete. `scan` is undefined as long as its time is not known. */
  | { readonly tag: 'initial-scan'; readonly scan: ScanProgress | undefined }
  /**
   * Everything at or below the high-water mark has been delivered, and also the rows of the tables that the schema change at
   * `passed`, just above it, changes.
   */
  | { readonly tag: 'following'; readonly highWater: Hlc; readonly passed?: Hlc | undefined }
  /** Everything before the schema change at `at` has been delivered, and so much of the rows of the tables that it changes. */
  | { readonly tag: 'backfill'; readonly at: Hlc; readonly scan: ScanProgress }

export interface ScanProgress {
  /** The rows of the finished pages as of this time or earlier have been delivered, and every later change up to this time. */
  readonly at: Hlc
  readonly tables: readonly ScannedTable[]
  /** How much of all pages is finished, from 0 to 1. */
  readonly fraction: number
}

export interface ScannedTable {
  readonly relid: number
  /** The partitioned table whose leaf it is, if it is read for that table. */
  readonly root?: number | undefined
  /** The table's file: a rewrite (VACUUM FULL) moves rows between pages, and nothing counts as finished any more. */
  readonly file: string
  /** Finished runs of pages, [from, to); null: to the end. */
  readonly done: readonly (readonly [from: number, to: number | null])[]
}

// The functions below are the questions that the program asks about any progress, whatever its phase. A new phase is a
// new member of JobProgress: the type checker then lists each of them.

/** The high-water mark that users see; undefined during the initial scan. */
export function highWaterOf(progress: JobProgress): Hlc | undefined {
  switch (progress.tag) {
    case 'initial-scan':
      return undefined
    case 'following':
      return progress.highWater
    case 'backfill':
      return prevHlc(progress.at)
  }
}

/** The time from which on a job still reads the changelog; undefined: its scan has no time yet, so the job needs none of it. */
export function readsLogFrom(progress: JobProgress): Hlc | undefined {
  switch (progress.tag) {
    case 'initial-scan':
      return progress.scan?.at
    case 'following':
      return progress.highWater
    case 'backfill':
      return prevHlc(progress.at)
  }
}

/** The part of a scan that is done, 0 to 1; undefined: no scan is running. */
export function scannedFraction(progress: JobProgress): number | undefined {
  switch (progress.tag) {
    case 'initial-scan':
      return progress.scan?.fraction
    case 'following':
      return undefined
    case 'backfill':
      return progress.scan.fraction
  }
}

/** Whether a restart would still read the snapshot that the job's statement has made. */
export function needsStatementCut(progress: JobProgress): boolean {
  switch (progress.tag) {
    case 'initial-scan':
      return true
    case 'following':
    case 'backfill':
      return false
  }
}

/** Whether `now` is further than `before`, which is an earlier progress of the same job. */
export function hasAdvanced(before: JobProgress, now: JobProgress): boolean {
  const was = highWaterOf(before)
  const is = highWaterOf(now)
  const order = is === undefined ? (was === undefined ? 0 : -1) : was === undefined ? 1 : compareHlc(is, was)
  return order > 0 || (order === 0 && doneAbove(now) > doneAbove(before))
}

/** How much of the rows that come next, at the high-water mark, are delivered, from 0 to 1. */
function doneAbove(progress: JobProgress): number {
  if (progress.tag === 'following') return progress.passed === undefined ? 0 : 1
  return scannedFraction(progress) ?? 0
}
