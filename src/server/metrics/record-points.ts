// Keeps a point of every metric every ten seconds, for the graphs of the console.

import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from 'pino'
import { slotMs } from '../../metrics/points/series-key.ts'
import { PointMaker } from '../../metrics/stored-metrics.ts'
import type { ServerParts } from '../server-parts.ts'
import { changefeedsOf, measure } from './measure.ts'
import type { ShownParts } from './metrics.ts'

/** A timer may be early by a millisecond, and the point would be that of the ten seconds before. */
const lateMs = 20

/** Others get a turn after so long. */
const mostMs = 10

type RecordedParts = ShownParts & Pick<ServerParts, 'points'>

/** Begins; returns the function that stops it. */
export function recordPoints(parts: RecordedParts, log: Logger): () => Promise<void> {
  const maker = new PointMaker()
  let timer: NodeJS.Timeout | undefined
  let recording: Promise<void> = Promise.resolve()
  let isStopped = false
  const next = (): void => {
    if (isStopped) return
    timer = setTimeout(
      () => {
        recording = record(parts, maker)
          .catch((error: unknown) =>
            log.warn({ error: String(error) }, 'the points of the graphs could not be measured'),
          )
          .finally(next)
      },
      slotMs - (Date.now() % slotMs) + lateMs,
    )
  }
  next()
  return async () => {
    isStopped = true
    clearTimeout(timer)
    await recording
  }
}

export async function record(parts: RecordedParts, maker: PointMaker): Promise<void> {
  const { total, byScope, jobs, others } = await measure(parts)
  const showsScopes = parts.settings.get('server.child_metrics.enabled')
  const scopes = showsScopes ? [...byScope].map(([scope, of]) => ({ labels: { scope }, of })) : []
  for (const job of jobs.jobs) maker.addJob(job)
  // A thousand scopes may have more series than are kept, so they come last.
  let turnedAtMs = performance.now()
  for (const metrics of [changefeedsOf([{ labels: {}, of: total }]), ...others, changefeedsOf(scopes)])
    await metrics.run(async (table, measured) => {
      for (const { labels, of } of measured) {
        maker.add(table, labels, of)
        if (performance.now() - turnedAtMs < mostMs) continue
        await turn()
        turnedAtMs = performance.now()
      }
    })
  parts.points.record(Date.now(), maker.take())
}
