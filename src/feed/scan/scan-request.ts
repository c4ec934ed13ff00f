// What a scan is asked for: given tables, as of a given time, for a given reason. A new reason is a line in the table
// below, and a phase of the feed (phases.ts).

import type { FeedTarget } from '../../core/feed-spec.ts'
import type { Hlc } from '../../core/hlc.ts'
import type { JobProgress, ScannedTable, ScanProgress } from '../../core/job-progress.ts'

/** A table of which all rows are wanted, or a partitioned table of which the rows of some partitions are. */
export interface ScannedTarget extends FeedTarget {
  /** Undefined: all partitions. */
  readonly leaves?: readonly number[] | undefined
}

export interface ScanRequest {
  readonly reason: ScanReason
  readonly tables: readonly ScannedTarget[]
  /** The time as of which the rows are wanted; undefined: the time of the cut. */
  readonly at: Hlc | undefined
  /** Whether the scan fails if the log does not hold the rows as of `at`. The error says what the log lacks. */
  readonly isExact: boolean
  /** The tables and pages that earlier attempts have emitted. */
  readonly done: readonly ScannedTable[]
}

interface ReasonFacts {
  /** The progress of a job that runs such a scan. */
  readonly progress: (scan: ScanProgress) => JobProgress
  /** Whether the scan may read the cut that the statement of the job has made. */
  readonly usesStatementCut: boolean
  /** The changefeed runs already, so the scan waits for as long as other sessions change its tables. */
  readonly isPatient: boolean
}

const reasons = {
  initial: { progress: (scan) => ({ tag: 'initial-scan', scan }), usesStatementCut: true, isPatient: false },
  // A scan that has moved to a later time has emitted the changes before that time.
  backfill: { progress: (scan) => ({ tag: 'backfill', at: scan.at, scan }), usesStatementCut: false, isPatient: true },
} as const satisfies Readonly<Record<string, ReasonFacts>>

export type ScanReason = keyof typeof reasons

export function factsOfReason(reason: ScanReason): ReasonFacts {
  return reasons[reason]
}
