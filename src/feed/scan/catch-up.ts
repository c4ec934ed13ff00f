// Emits what the log says of a span of time before the rows of a scan follow.

import type { Hlc } from '../../core/hlc.ts'
import { openFollower } from '../follow/open-follower.ts'
import type { Feed } from '../phases.ts'

/** Emits the changes in (after, through]. */
export async function catchUp({ run, delivery }: Feed, after: Hlc, through: Hlc): Promise<void> {
  const { log, signal } = run
  using reader = log.readAfter(after)
  const { changes } = delivery.openOutput(signal)
  const follower = openFollower(run, {
    reader,
    after,
    endTime: through,
    stopsAtSchemaChange: false,
    changes,
    advanced: async () => undefined,
    signal,
  })
  await follower.run()
  signal.throwIfAborted()
  await changes.drain()
}
