// What a feed emits of the changelog: as the phase that follows it until the end time, an error, or the signal; and as the
// catch-up between two times of a scan.

import type { Hlc } from '../../core/hlc.ts'
import type { FeedRun } from '../feed-run.ts'
import type { Feed, Phase } from '../phases.ts'
import { LogFollower, type Followed, type FollowOptions } from './follow-log.ts'
import { quietWaitMs } from './quiet-wait.ts'

export async function follow(
  { run, delivery }: Feed,
  { after, from }: Extract<Phase, { tag: 'following' }>,
): Promise<Phase> {
  const { spec, sink, log, signal } = run
  const { endTime } = spec
  delivery.startAt(after)
  // A sink that fails ends the wait for rows; the next call of the sink says why.
  const either = sink.failed === undefined ? signal : AbortSignal.any([signal, sink.failed])
  const { changes, messages } = delivery.openOutput(either)
  using reader = from === undefined ? log.readAfter(after) : log.readFrom(from)
  const advanced = (frontier: Hlc): Promise<void> => delivery.advance(frontier, changes)
  const span = { reader, after, endTime, stopsAtSchemaChange: true }
  const follower = followerOf(run, { ...span, changes, advanced, signal: either })
  try {
    await followPastBoundaries(follower)
  } catch (error) {
    // Whatever has ended the feed, the client gets what came before. Changes that the encoder was not ready for belong to a
    // transaction that is not complete.
    await messages.drain()
    await delivery.flush()
    throw error
  }
  await messages.drain()
  if (signal.aborted) await delivery.stop()
  signal.throwIfAborted()
  await delivery.flush()
  if (endTime !== undefined) await delivery.end(endTime)
  return { tag: 'ended' }
}

/** A schema change is no reason to stop: the rows that come after it follow the new schema. */
async function followPastBoundaries(follower: LogFollower): Promise<void> {
  let followed: Followed
  do followed = await follower.run()
  while (followed.tag === 'boundary')
}

/** Emits the changes in (after, through], before the rows of a scan as of `through` follow. */
export async function catchUp({ run, delivery }: Feed, after: Hlc, through: Hlc): Promise<void> {
  const { log, signal } = run
  const { changes } = delivery.openOutput(signal)
  using reader = log.readAfter(after)
  const advanced = async (): Promise<void> => undefined
  const span = { reader, after, endTime: through, stopsAtSchemaChange: false }
  await followerOf(run, { ...span, changes, advanced, signal }).run()
  signal.throwIfAborted()
  await changes.drain()
}

type OfCaller = 'reader' | 'after' | 'endTime' | 'stopsAtSchemaChange' | 'changes' | 'advanced' | 'signal'

function followerOf({ spec, log, save }: FeedRun, options: Pick<FollowOptions, OfCaller>): LogFollower {
  const { targets, diff } = spec
  const quietMs = quietWaitMs({ ...spec, endTime: options.endTime }, save !== undefined)
  return new LogFollower({ ...options, log, targets, diff, quietMs })
}
