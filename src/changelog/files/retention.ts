// Removes segments. A segment is removed when everything in it is older than the retention, or when the log is larger than
// its maximum. The segment of the durable head and all later ones stay: a restart continues there, however much of an
// incomplete transaction has been written after the head. A pin keeps everything from its position on from being removed
// for its age, but not for the size of the log: one reader that does not move must not fill the disk.

import { rmSync, statSync } from 'node:fs'
import type { RetentionPolicy } from '../changelog.ts'
import type { LogHead } from './log-head.ts'
import { listSegments, type SegmentName } from './segment.ts'

export interface SegmentFacts extends SegmentName {
  readonly bytes: number
  /** When the file was last written, ms since the epoch: nothing in it is newer. */
  readonly modifiedMs: number
}

/** The policy, and how far the log is durable. */
export interface RetentionNow extends RetentionPolicy {
  readonly head: number
}

/** Returns the segments to remove, oldest first. `segments` must be in order. */
export function planRetention(segments: readonly SegmentFacts[], nowMs: number, policy: RetentionNow): SegmentFacts[] {
  const pinned = Math.min(Number.POSITIVE_INFINITY, ...policy.pins)
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const going: SegmentFacts[] = []
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]
    // The next segment is certain to be on the disk only when the head is past its start.
    if (next === undefined || next.start >= policy.head) break
    const tooOld = nowMs - segment.modifiedMs > policy.retentionMs && next.start <= pinned
    if (!tooOld && bytes <= policy.maxBytes) break
    going.push(segment)
    bytes -= segment.bytes
  }
  return going
}

/** Removes segments by the policy. The tail moves first, so that no reader opens a file that is about to be removed. */
export function applyRetention(dir: string, head: LogHead, nowMs: number, policy: RetentionPolicy): number {
  const segments = listSegments(dir).map((segment) => {
    const { size, mtimeMs } = statSync(segment.path)
    return { ...segment, bytes: size, modifiedMs: mtimeMs }
  })
  const going = planRetention(segments, nowMs, { ...policy, head: head.head })
  const oldestKept = segments[going.length]
  if (going.length > 0 && oldestKept !== undefined) head.tail = oldestKept.start
  for (const segment of going) rmSync(segment.path, { force: true })
  return going.length
}
