// What running a job's feed takes: the source of its database, a place in the pool of feeds.

import type { FeedPool } from '../feed/feed-pool.ts'
import type { JobStarter } from '../jobs/jobs.ts'
import type { Sources } from './sources.ts'

export function jobStarter(sources: Sources, feeds: FeedPool): JobStarter {
  return async ({ id, payload }, { resume, save, log, signal }) => {
    const spec = { ...payload.spec, id }
    const source = await sources.ensure(spec.database, { signal })
    source.ingest.demand(1)
    try {
      await feeds.run(
        {
          spec,
          logDir: source.dir,
          logHead: source.head.shared,
          source: source.connection,
          startPosition: source.log.head,
          startTime: resume.highWater ?? { wall: 0n, logical: 0 },
          resume,
          isJob: true,
        },
        {
          rows: async () => undefined,
          closeNow: () => source.ingest.closeNow(),
          waiting: (why) => log('info', `changefeed is ${why}`),
          save,
          log,
        },
        signal,
      )
    } finally {
      source.ingest.demand(-1)
    }
  }
}
