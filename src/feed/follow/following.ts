// The phase in which a feed follows the changelog: until its end time, an error, or the signal.

import type { Feed, Phase } from '../phases.ts'
import type { Followed, LogFollower } from './follow-log.ts'
import { openFollower } from './open-follower.ts'

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
  const follower = openFollower(run, {
    reader,
    after,
    endTime,
    stopsAtSchemaChange: true,
    changes,
    advanced: (frontier) => delivery.advance(frontier, changes),
    signal: either,
  })
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
