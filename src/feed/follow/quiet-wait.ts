// How long a feed may wait before it reads blocks that hold closed timestamps only. To wake one feed for each closed
// timestamp costs little, but for two hundred feeds it costs a tenth of a core.

import type { FeedSpec } from '../../core/feed-spec.ts'

const mostMs = 1000
/** Shorter waits would wake a feed more often than closed timestamps do. */
const leastMs = 100
/** How late a message or checkpoint may be, as a part of the time between two of them. */
const part = 0.1

/** Returns milliseconds; 0: the feed is woken by each closed timestamp. `isJob`: the progress of the feed is saved. */
export function quietWaitMs(
  spec: Pick<FeedSpec, 'resolvedIntervalMs' | 'minCheckpointMs' | 'endTime'>,
  isJob: boolean,
): number {
  const { resolvedIntervalMs, minCheckpointMs, endTime } = spec
  if (endTime !== undefined) return 0
  if (resolvedIntervalMs === undefined && !isJob) return mostMs
  const ms = Math.min(mostMs, Math.floor(Math.max(resolvedIntervalMs ?? 0, minCheckpointMs) * part))
  return ms < leastMs ? 0 : ms
}
