// What a feed emits of the changelog: as the phase that follows it until the end time, an error, or the signal; and as the
// catch-up between two times of a scan.

import { prevHlc, type Hlc } from '../../core/hlc.ts'
import type { FeedRun } from '../feed-run.ts'
import type { ChangeWriter } from '../output/change-writer.ts'
import type { Feed, Phase } from '../phases.ts'
import { reactionTo, needsEveryChange, readsRowsAgain, stopsAtSchemaChange } from '../schema-change/reaction.ts'
import type { IsMissed } from '../transaction/written-changes.ts'
import { LogFollower } from './follow-log.ts'
import type { FollowOptions } from './follow-options.ts'
import type { SchemaChange } from './schema-changes.ts'
import { quietWaitMs } from './quiet-wait.ts'

export async function follow(
  feed: Feed,
  { after, from, passed }: Extract<Phase, { tag: 'following' }>,
): Promise<Phase> {
  const { run, delivery } = feed
  const { spec, sink, log, signal } = run
  const { endTime } = spec
  delivery.startAt(after)
  // A sink that fails ends the wait for rows; the next call of the sink says why.
  const either = sink.failed === undefined ? signal : AbortSignal.any([signal, sink.failed])
  const { changes, messages } = delivery.openOutput(either)
  using reader = from === undefined ? log.readAfter(after) : log.readFrom(from)
  const advanced = (frontier: Hlc): Promise<void> => delivery.advance(frontier, changes)
  const atSchemaChange = {
    stopsAtSchemaChange: stopsAtSchemaChange(spec),
    needsEveryChange: needsEveryChange(spec),
    readsRowsAgain: (change: SchemaChange) => readsRowsAgain(change, spec),
  }
  const span = { reader, after, endTime, passed, ...atSchemaChange }
  const follower = followerOf(run, { ...span, changes, advanced, signal: either })
  try {
    const next = await followPastBoundaries(feed, follower, changes)
    if (next !== undefined) return next
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

/** Returns the phase that a schema change begins; undefined: the follower has ended. Throws if a schema change ends the feed. */
async function followPastBoundaries(
  { run: { spec }, delivery }: Feed,
  follower: LogFollower,
  changes: ChangeWriter,
): Promise<Phase | undefined> {
  for (;;) {
    const followed = await follower.run()
    if (followed.tag !== 'boundary') return undefined
    const reaction = reactionTo(followed, spec)
    if (reaction.tag === 'pass') continue
    await changes.drain()
    await delivery.reachBoundary(prevHlc(followed.at))
    if (reaction.tag === 'stop') throw reaction.error
    if (reaction.tag === 'backfill')
      return { tag: 'backfill', at: followed.at, tables: reaction.tables, scan: undefined }
  }
}

export interface CatchUp {
  readonly after: Hlc
  readonly through: Hlc | undefined
  /** Whether all rows of the tables that a schema change in between concerns are read as of `through`. */
  readonly readsAgain: boolean
  /** See `EmitterOptions`. */
  readonly onlyMissed?: IsMissed | undefined
}

/**
 * Emits the changes in (after, through], whatever the log says of the schema: before the rows of a scan as of `through` follow.
 * Without `through` it ends with an error, or with the signal's reason. Nothing is saved or resolved.
 */
export async function catchUp(
  { run, delivery }: Feed,
  { after, through, readsAgain, onlyMissed }: CatchUp,
): Promise<void> {
  const { log, signal } = run
  const { changes, messages } = delivery.openOutput(signal)
  using reader = log.readAfter(after)
  const advanced = async (): Promise<void> => undefined
  const span = {
    reader,
    after,
    endTime: through,
    stopsAtSchemaChange: false,
    needsEveryChange: needsEveryChange(run.spec),
    readsRowsAgain: (change: SchemaChange) => readsAgain && readsRowsAgain(change, run.spec),
    onlyMissed,
  }
  try {
    await followerOf(run, { ...span, changes, advanced, signal }).run()
    signal.throwIfAborted()
    await changes.drain()
  } catch (error) {
    // As above.
    await messages.drain()
    await delivery.flush()
    throw error
  }
}

type Own = 'log' | 'targets' | 'diff' | 'quietMs' | 'limits' | 'tell'

function followerOf({ spec, log, save, waiting: tell }: FeedRun, options: Omit<FollowOptions, Own>): LogFollower {
  const { targets, diff } = spec
  const quietMs = quietWaitMs({ ...spec, endTime: options.endTime }, save !== undefined)
  return new LogFollower({ ...options, log, targets, diff, quietMs, tell })
}
