// The progress of a job as it is stored:
//
//   version 1   { highWater?, scan? }: without a high-water mark the initial scan is not complete
//   version 2   { version, tag: 'initial-scan', scan? } or { version, tag: 'following', highWater }
//   version 3   as version 2, also { …, tag: 'following', highWater, passed } and { version, tag: 'backfill', at, scan }
//   version 4   as version 3, and a table of a scan may have a root
//
// A program that knows version 1 only reads version 2 correctly, too: it finds the two members at the same place. A program
// that does not know version 3 must not read it: it would pass over the rows of a schema change. One that does not know version 4
// would take the partition of a table for a table of its own.

import type { Hlc } from '../core/hlc.ts'
import type { JobProgress, ScanProgress } from '../core/job-progress.ts'
import { readRecord, writeRecord } from './record-version.ts'

interface ProgressVersion1 {
  readonly highWater?: Hlc
  readonly scan?: ScanProgress
}

export function writeProgress(progress: JobProgress): string {
  return writeRecord('progress', progress)
}

/** Reads a progress of any version. `job` is the id of the job, for errors. */
export function readProgress(text: string, job: string): JobProgress {
  const { version, members } = readRecord('progress', text, job)
  if (version === 1) return fromVersion1(members as ProgressVersion1)
  const progress = members as JobProgress
  // JSON has no undefined members.
  return progress.tag === 'initial-scan' ? { tag: 'initial-scan', scan: progress.scan } : progress
}

function fromVersion1({ highWater, scan }: ProgressVersion1): JobProgress {
  return highWater === undefined ? { tag: 'initial-scan', scan } : { tag: 'following', highWater }
}
