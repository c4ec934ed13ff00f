// How long a feed may wait before it moves over blocks that hold nothing for it: closed timestamps, and changes of other tables.
// To wake one feed for each of them costs little, but for two hundred feeds it costs a core.

import type { FeedSpec } from '../../core/feed-spec.ts'

const mostMs = 1000
/** How late a message or checkpoint may be, as a part of the time between two of them. */
const part = 0.1

/** Returns milliseconds; 0: the feed is woken by each block. `isJob`: the progress of the feed is saved. */
export function quietWaitMs(
  spec: Pick<FeedSpec, 'resolvedIntervalMs' | 'minCheckpointMs' | 'endTime'>,
  isJob: boolean,
): number {
  const { resolvedIntervalMs, minCheckpointMs, endTime } = spec
  if (endTime !== undefined) return 0
  if (resolvedIntervalMs === undefined && !isJob) return mostMs
  return Math.min(mostMs, Math.floor(Math.max(resolvedIntervalMs ?? 0, minCheckpointMs) * part))
}
