// Reads all files of a log, for people who want to know what the log holds. The survey only reads, shares no memory with a
// server, and trusts nothing: it reports damaged bytes and continues with the next block whose header is intact. It holds one
// block in memory at a time.
//
// The end of the log is found first: it is at the last block that ends complete, as recovery would find it, or earlier if the
// caller knows how far the log is durable. What a server writes meanwhile is not read.

import { FeedError } from '../../errors/feed-error.ts'
import { flag, type ParsedBlock } from './block-format.ts'
import { blocksOf, openSegment } from './damaged-segment.ts'
import { listSegments, type SegmentName } from './segment.ts'

const unreadable = 'no block can be read there'

export type Surveyed =
  | { readonly tag: 'segment'; readonly segment: SegmentName; readonly bytes: number; readonly createdMs: number }
  /** `payload` is valid until the next step. */
  | { readonly tag: 'block'; readonly block: ParsedBlock; readonly isPreamble: boolean; readonly payload: Buffer }
  /** The bytes between two positions cannot be read. */
  | { readonly tag: 'damage'; readonly from: number; readonly to: number; readonly why: string }
  /** Retention has removed a segment since the survey began. */
  | { readonly tag: 'removed'; readonly segment: SegmentName }

export interface LogSurvey {
  /** Position of the oldest block kept. */
  readonly tail: number
  readonly end: number
  /** Bytes after the end: of a transaction that is not complete, or of a write that a crash has cut off. */
  readonly unfinishedBytes: number
  readonly segments: readonly SegmentName[]
  /** Everything from the segment that holds `from` on: that segment's preamble describes the tables known there. */
  read(from: number): Generator<Surveyed>
  /** Returns the resolved timestamp of the segment's preamble; undefined: the preamble cannot be read. */
  resolvedAt(segment: SegmentName): ParsedBlock['resolved'] | undefined
}

/** `durable` is the position up to which the log is known to be durable; nothing later is shown. */
export function surveyFiles(dir: string, durable = Number.POSITIVE_INFINITY): LogSurvey {
  const segments = listSegments(dir)
  const { end, written } = findEnd(segments, durable)
  return {
    tail: segments[0]?.start ?? 0,
    end,
    unfinishedBytes: written - end,
    segments,
    *read(from) {
      const first = Math.max(
        segments.findLastIndex(({ start }) => start <= from),
        0,
      )
      for (const [i, segment] of segments.entries()) {
        if (i < first || segment.start >= end) continue
        const next = segments[i + 1]?.start ?? end
        yield* readSegment(segment, Math.min(next, end))
      }
    },
    resolvedAt: (segment) => {
      for (const step of readSegment(segment, end)) if (step.tag === 'block') return step.block.resolved
      return undefined
    },
  }
}

/** Finds the end by headers only: a block whose payload is damaged is shown as damaged later. */
function findEnd(
  segments: readonly SegmentName[],
  durable: number,
): { readonly end: number; readonly written: number } {
  let written: number | undefined
  for (const segment of segments.toReversed()) {
    using file = openSegment(segment)
    if (file === undefined) continue
    written ??= segment.start + file.bytes
    let end: number | undefined
    for (const { block } of blocksOf(file, Math.min(written, durable)))
      if (block !== undefined && !block.continues) end = block.nextPosition
    if (end !== undefined) return { end, written: Math.min(written, durable) }
  }
  const start = segments[0]?.start ?? 0
  return { end: start, written: written ?? start }
}

function* readSegment(segment: SegmentName, end: number): Generator<Surveyed> {
  using file = openSegment(segment)
  if (file === undefined) {
    yield { tag: 'removed', segment }
    return
  }
  yield { tag: 'segment', segment, bytes: file.bytes, createdMs: file.header?.createdMs ?? 0 }
  if (file.damage !== undefined) yield { tag: 'damage', from: segment.start, to: file.first, why: file.damage }
  let at = file.first
  for (const { from, block } of blocksOf(file, end)) {
    if (block === undefined) {
      yield { tag: 'damage', from: at, to: from, why: unreadable }
      at = from
      continue
    }
    at = block.nextPosition
    const payload = payloadOf(block)
    if (payload instanceof FeedError) yield { tag: 'damage', from: block.position, to: at, why: payload.message }
    else yield { tag: 'block', block, isPreamble: (block.flags & flag.preamble) !== 0, payload }
  }
  if (at < end) yield { tag: 'damage', from: at, to: end, why: unreadable }
}

function payloadOf(block: ParsedBlock): Buffer | FeedError {
  try {
    return block.payload()
  } catch (error) {
    if (error instanceof FeedError) return error
    throw error
  }
}
