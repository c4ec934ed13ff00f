// How far a changefeed with a job has come: everything that a restart needs. What a progress says is delivered has been
// confirmed by the sink. Structured cloneable. A job passes through its phases in this order:
//
//   initial-scan ──► following          a feed without an initial scan starts in `following`
//
// How a progress is stored: jobs/progress-record.ts.

import { compareHlc, type Hlc } from './hlc.ts'

export type JobProgress =
  /** The initial scan is not complete. `scan` is undefined as long as its time is not known. */
  | { readonly tag: 'initial-scan'; readonly scan: ScanProgress | undefined }
  /** Everything at or below the high-water mark has been delivered. */
  | { readonly tag: 'following'; readonly highWater: Hlc }

export interface ScanProgress {
  /** The rows of the finished pages as of this time or earlier have been delivered, and every later change up to this time. */
  readonly at: Hlc
  readonly tables: readonly ScannedTable[]
  /** How much of all pages is finished, from 0 to 1. */
  readonly fraction: number
}

export interface ScannedTable {
  readonly relid: number
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
  }
}

/** The time from which on a job still reads the changelog; undefined: its scan has no time yet, so the job needs none of it. */
export function readsLogFrom(progress: JobProgress): Hlc | undefined {
  switch (progress.tag) {
    case 'initial-scan':
      return progress.scan?.at
    case 'following':
      return progress.highWater
  }
}

/** The part of a scan that is done, 0 to 1; undefined: no scan is running. */
export function scannedFraction(progress: JobProgress): number | undefined {
  switch (progress.tag) {
    case 'initial-scan':
      return progress.scan?.fraction
    case 'following':
      return undefined
  }
}

/** Whether a restart would still read the snapshot that the job's statement has made. */
export function needsStatementCut(progress: JobProgress): boolean {
  switch (progress.tag) {
    case 'initial-scan':
      return true
    case 'following':
      return false
  }
}

/** Whether `now` is further than `before`, which is an earlier progress of the same job. */
export function hasAdvanced(before: JobProgress, now: JobProgress): boolean {
  switch (now.tag) {
    case 'initial-scan':
      return before.tag === 'initial-scan' && (scannedFraction(now) ?? 0) > (scannedFraction(before) ?? 0)
    case 'following':
      return before.tag !== 'following' || compareHlc(now.highWater, before.highWater) > 0
  }
}
