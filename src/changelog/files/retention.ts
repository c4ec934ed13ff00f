// Which segments may go. A segment goes when all it holds is older than the retention, or when the log is larger than
// its cap. What is behind the durable head stays, and the head's own segment: there a restart goes on, however much of a
// transaction that is not complete yet has been written behind it. A pin keeps what lies behind its position from going by age, never from going by
// size: one stuck reader must not fill the disk.

import { rmSync, statSync } from 'node:fs'
import type { RetentionPolicy } from '../changelog.ts'
import type { LogHead } from './log-head.ts'
import { listSegments, type SegmentName } from './segment.ts'

export interface SegmentFacts extends SegmentName {
  readonly bytes: number
  /** When it was last written, ms since the epoch: nothing in it is newer. */
  readonly modifiedMs: number
}

/** The policy, and how far the log is durable. */
export interface RetentionNow extends RetentionPolicy {
  readonly head: number
}

/** The segments to remove, oldest first. `segments` in order; pure. */
export function planRetention(segments: readonly SegmentFacts[], nowMs: number, policy: RetentionNow): SegmentFacts[] {
  const pinned = Math.min(Number.POSITIVE_INFINITY, ...policy.pins)
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const going: SegmentFacts[] = []
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1]
    // Only past the start of the next one is it certain that the next one is on the disk.
    if (next === undefined || next.start >= policy.head) break
    const tooOld = nowMs - segment.modifiedMs > policy.retentionMs && next.start <= pinned
    if (!tooOld && bytes <= policy.maxBytes) break
    going.push(segment)
    bytes -= segment.bytes
  }
  return going
}

/** Removes what the policy lets go and moves the tail first, so that no reader is sent to a file that is going. */
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
