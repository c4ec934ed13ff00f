// The phases of a feed. Each is a function in a file of its own, which returns the phase that comes next:
//
//                          ┌─────────► ended ◄─────────┐
//                          │ 'only'                    │ end time     schema change
//   start ──────────► initial-scan ──────────► following ◄──────────────────► backfill
//     └───────────────────────────────────────────▲
//         no initial scan, or it is complete
//
// They are the phases of a job's progress (core/job-progress.ts): a job that starts again begins in the phase that was
// saved last.

import type { Position } from '../changelog/changelog.ts'
import { nextHlc, type Hlc } from '../core/hlc.ts'
import type { ScannedTable, ScanProgress } from '../core/job-progress.ts'
import type { Delivery } from './delivery.ts'
import type { FeedRun } from './feed-run.ts'
import type { ScannedTarget } from './scan/scan-request.ts'

/** The feed, as every phase gets it. */
export interface Feed {
  readonly run: FeedRun
  readonly delivery: Delivery
}

export type Phase =
  /** scan/initial-scan.ts: emits the rows of all tables as of one time. */
  | {
      readonly tag: 'initial-scan'
      /** The time as of which rows are wanted; undefined: the time at which the scan starts. */
      readonly at: Hlc | undefined
      /** The tables and pages that an earlier run has emitted. */
      readonly done: readonly ScannedTable[]
      /** A head of the log from before the scan starts. */
      readonly head: Position
    }
  /** follow/following.ts: emits every change after a time. */
  | {
      readonly tag: 'following'
      readonly after: Hlc
      /** A head of the log from before `after`; undefined: none is known, and the log is searched for `after`. */
      readonly from: Position | undefined
      /** The schema change just after `after` whose rows are emitted already. */
      readonly passed?: Hlc | undefined
    }
  /** schema-change/backfill.ts: emits the rows of tables as of the schema change that has changed them. */
  | {
      readonly tag: 'backfill'
      /** The time of the schema change. */
      readonly at: Hlc
      readonly tables: readonly ScannedTarget[]
      /** What an earlier run has saved of the scan. */
      readonly scan: ScanProgress | undefined
    }
  | { readonly tag: 'ended' }

type Start = Pick<FeedRun, 'spec' | 'log' | 'resume' | 'startTime' | 'startPosition'>

export function firstPhase(start: Start): Phase {
  const { spec, log, resume, startTime, startPosition } = start
  switch (resume?.tag) {
    case undefined:
      if (spec.initialScan !== 'no') return { tag: 'initial-scan', at: spec.cursor, done: [], head: log.status.head }
      if (spec.cursor === undefined) return { tag: 'following', after: startTime, from: startPosition }
      return { tag: 'following', after: spec.cursor, from: undefined }
    case 'initial-scan':
      return {
        tag: 'initial-scan',
        at: resume.scan?.at ?? spec.cursor,
        done: resume.scan?.tables ?? [],
        head: log.status.head,
      }
    case 'following':
      // With 'only', an earlier run has completed the scan and stopped before the end of the job was written down.
      if (spec.initialScan === 'only') return { tag: 'ended' }
      return { tag: 'following', after: resume.highWater, from: undefined, passed: resume.passed }
    case 'backfill': {
      return { tag: 'backfill', at: resume.at, tables: scannedTargets(spec, resume.scan), scan: resume.scan }
    }
  }
}

/** No row that the feed will emit is of an earlier time. */
export function firstTime({ spec, resume, startTime }: Pick<FeedRun, 'spec' | 'resume' | 'startTime'>): Hlc {
  switch (resume?.tag) {
    case undefined:
      return spec.cursor ?? startTime
    case 'initial-scan':
      return resume.scan?.at ?? spec.cursor ?? startTime
    case 'following':
      return nextHlc(resume.highWater)
    case 'backfill':
      return resume.at
  }
}

function scannedTargets({ targets }: Start['spec'], { tables }: ScanProgress): readonly ScannedTarget[] {
  return targets.flatMap((target): readonly ScannedTarget[] => {
    const own = tables.filter(({ relid, root = relid }) => root === target.relid)
    if (own.length === 0) return []
    const leaves = own.flatMap(({ relid, root }) => (root === undefined ? [] : [relid]))
    return leaves.length === 0 ? [target] : [{ ...target, leaves }]
  })
}
