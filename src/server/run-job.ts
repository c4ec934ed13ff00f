// What running a job's feed takes: the source of its database, a place in the pool of feeds.

import type { FeedPool } from '../feed/feed-pool.ts'
import type { JobStarter } from '../jobs/jobs.ts'
import type { HeldCuts } from './held-cuts.ts'
import type { Sources } from './sources.ts'
import { troubleText } from './trouble-notices.ts'

export interface JobStarterOptions {
  readonly sources: Sources
  readonly feeds: FeedPool
  readonly cuts: HeldCuts
}

export function jobStarter({ sources, feeds, cuts }: JobStarterOptions): JobStarter {
  return async ({ id, payload }, { resume, save, log, status, signal }) => {
    const spec = { ...payload.spec, id }
    const source = await sources.ensure(spec.database, { signal })
    source.ingest.demand(1)
    const unheard = source.ingest.trouble.listen((trouble) => {
      status(trouble === undefined ? undefined : troubleText(spec.database, trouble))
    })
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
          held: cuts.of(id),
          isJob: true,
        },
        {
          rows: async () => undefined,
          closeNow: () => source.ingest.closeNow(),
          waiting: (why) => log('info', `changefeed is ${why}`),
          save: async (progress) => {
            await save(progress)
            if (progress.highWater !== undefined) await cuts.release(id)
          },
          log,
        },
        signal,
      )
    } finally {
      unheard()
      source.ingest.demand(-1)
    }
  }
}
