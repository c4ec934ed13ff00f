// Runs the feed of a job: with the source of its database, in the pool of feeds.

import { highWaterOf, needsStatementCut } from '../../core/job-progress.ts'
import type { JobStarter } from '../../jobs/jobs.ts'
import { allowedRegistry, allowedSink, type SinkSurroundings } from './allowed-sinks.ts'
import type { ServerParts } from '../server-parts.ts'
import { startFeed } from './start-feed.ts'
import { troubleStatus } from '../explain/trouble-notices.ts'

type JobParts = Pick<ServerParts, keyof SinkSurroundings | 'watchedRights' | 'sources' | 'feeds' | 'cuts'>

export function jobStarter({ watchedRights: rights, sources, feeds, cuts, ...around }: JobParts): JobStarter {
  return async ({ id, user, payload, sink, registry }, { resume, save, log, status, signal }) => {
    const spec = {
      ...payload.spec,
      id,
      sink: allowedSink(sink(), around),
      registry: allowedRegistry(registry(), around.settings),
    }
    const { database, targets } = spec
    const needed = { database, user, targets, hasSink: true }
    await rights.check(needed)
    const relids = targets.map(({ relid }) => relid)
    const { source, free } = await sources.use(database, relids, { signal })
    let trouble: string | undefined
    let sinkWaitsFor: string | undefined
    let registryWaitsFor: string | undefined
    let waitsFor: string | undefined
    const report = (): void => status(trouble ?? sinkWaitsFor ?? registryWaitsFor ?? waitsFor)
    try {
      await startFeed({
        feeds,
        rights,
        source,
        needed,
        trouble: (now) => {
          trouble = now === undefined ? undefined : troubleStatus(database, now)
          report()
        },
        start: {
          spec,
          startPosition: source.log.status.head,
          startTime: highWaterOf(resume) ?? { wall: 0n, logical: 0 },
          resume,
          statementCut: cuts.of(id),
          maxSnapshotAgeMs: around.settings.get('changefeed.initial_scan.max_snapshot_age'),
          isJob: true,
        },
        handlers: {
          rows: async () => undefined,
          waiting: (why) => {
            log('info', `changefeed is ${why}`)
            waitsFor = why
            report()
          },
          sinkWaits: (why) => {
            if (why !== undefined) log('warn', `changefeed is ${why}`)
            sinkWaitsFor = why
            report()
          },
          registryWaits: (why) => {
            if (why !== undefined) log('warn', `changefeed is ${why}`)
            registryWaitsFor = why
            report()
          },
          save: async (progress) => {
            // The feed has made progress, so it waits for nothing any more.
            waitsFor = undefined
            report()
            await save(progress)
            if (!needsStatementCut(progress)) await cuts.release(id)
          },
          log,
        },
        signal,
      })
    } finally {
      free()
    }
  }
}
