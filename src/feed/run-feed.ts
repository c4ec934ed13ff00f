// One running changefeed: its phases (phases.ts), one after the other, into a sink. The order of calls is the guarantee:
//
//   rows at or below T      emit      the sink gets them, in order for each key
//   T is complete           flush     everything at or below T is durable in the destination
//                           save      a restart continues from T
//                           resolved  only now is T announced
//
// A feed runs in a worker thread and leaves nothing behind when it ends. The caller of `runFeed` retries it.

import { formatHlc } from '../core/hlc.ts'
import { readsLogFrom, type JobProgress } from '../core/job-progress.ts'
import { openEncoder } from '../encode/open-encoder.ts'
import { FeedError } from '../errors/feed-error.ts'
import { Delivery } from './delivery.ts'
import type { FeedRun } from './feed-run.ts'
import { follow } from './follow/following.ts'
import { firstPhase, type Feed, type Phase } from './phases.ts'
import { backfill } from './schema-change/backfill.ts'
import { initialScan } from './scan/initial-scan.ts'

/** Settles when the feed has reached its end. Throws the error that ended the feed before, or the signal's reason. */
export async function runFeed(run: FeedRun): Promise<void> {
  try {
    const { spec, signal, registryWaits: waiting, say, progress, meter } = run
    const encoder = await openEncoder(spec, { signal, waiting, meter, say })
    run.encoderOpened?.(encoder)
    const feed = { run, delivery: new Delivery(run, encoder) }
    for (let phase = firstPhase(run); phase.tag !== 'ended';) {
      progress.pendingRanges = phase.tag === 'following' ? undefined : 0
      phase = await nextPhase(feed, phase)
    }
  } catch (error) {
    throw explainFellBehind(error, run.resume)
  }
}

function nextPhase(feed: Feed, phase: Exclude<Phase, { tag: 'ended' }>): Promise<Phase> {
  switch (phase.tag) {
    case 'initial-scan':
      return initialScan(feed, phase)
    case 'following':
      return follow(feed, phase)
    case 'backfill':
      return backfill(feed, phase)
  }
}

/** Replaces the error of the changelog for a job that continues: that error names a cursor, which the user has not given. */
function explainFellBehind(error: unknown, resume: JobProgress | undefined): unknown {
  const from = resume === undefined ? undefined : readsLogFrom(resume)
  if (from === undefined || !(error instanceof FeedError) || error.code !== 'FEED_CURSOR_TOO_OLD') return error
  return new FeedError(
    'FEED_FELL_BEHIND',
    `the changes after ${formatHlc(from)}, where the job stopped, are not in the changelog any more: changefeed.changelog.retention or changefeed.changelog.max_size removed them, or somebody removed its files`,
    { hint: 'start a new changefeed with an initial scan', cause: error },
  )
}
