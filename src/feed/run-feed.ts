// One running changefeed: its phases (phases.ts), one after the other, into a sink. The order of calls is the guarantee:
//
//   rows at or below T      emit      the sink gets them, in order for each key
//   T is complete           flush     everything at or below T is durable in the destination
//                           save      a restart continues from T
//                           resolved  only now is T announced
//
// A feed runs in a worker thread and leaves nothing behind when it ends. The caller of `runFeed` retries it.

import { openEncoder } from '../encode/open-encoder.ts'
import { Delivery } from './delivery.ts'
import type { FeedRun } from './feed-run.ts'
import { explainFellBehind } from './fell-behind.ts'
import { follow } from './follow/following.ts'
import { firstPhase, type Feed, type Phase } from './phases.ts'
import { initialScan } from './scan/initial-scan.ts'

/** Settles when the feed has reached its end. Throws the error that ended the feed before, or the signal's reason. */
export async function runFeed(run: FeedRun): Promise<void> {
  try {
    const feed = { run, delivery: new Delivery(run, await openEncoder(run.spec)) }
    for (let phase = firstPhase(run); phase.tag !== 'ended';) phase = await nextPhase(feed, phase)
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
  }
}
