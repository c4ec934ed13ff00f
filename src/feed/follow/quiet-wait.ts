// How long a feed may sleep through blocks in which nothing happened but time. A feed that is woken by every closed
// timestamp costs little, two hundred of them a tenth of a core.

import type { FeedSpec } from '../../core/feed-spec.ts'

const mostMs = 1000
/** Shorter sleeps would be more wakings than closed timestamps, not fewer. */
const leastMs = 100
/** Of the time between two messages or checkpoints: how late the next may be. */
const part = 0.1

/** Milliseconds; 0: every advance of time counts. `isJob`: its progress is saved. */
export function quietWaitMs(
  {
    resolvedIntervalMs,
    minCheckpointMs,
    endTime,
  }: Pick<FeedSpec, 'resolvedIntervalMs' | 'minCheckpointMs' | 'endTime'>,
  isJob: boolean,
): number {
  if (endTime !== undefined) return 0
  if (resolvedIntervalMs === undefined && !isJob) return mostMs
  const ms = Math.min(mostMs, Math.floor(Math.max(resolvedIntervalMs ?? 0, minCheckpointMs) * part))
  return ms < leastMs ? 0 : ms
}
