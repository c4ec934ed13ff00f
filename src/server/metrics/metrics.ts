// The text of /_status/vars, measured at each request.

import { changefeedMetrics } from '../../metrics/changefeed-metrics.ts'
import { metricsText } from '../../metrics/metrics.ts'
import { sourceMetrics } from '../../metrics/source-metrics.ts'
import type { ServerParts } from '../server-parts.ts'
import { measureScopes } from './measure-scopes.ts'

type MeasuredParts = Pick<ServerParts, 'feeds' | 'jobs' | 'sources' | 'scopes' | 'settings'>

export async function serverMetrics({ feeds, jobs, sources, scopes, settings }: MeasuredParts): Promise<string> {
  const { total, byScope } = measureScopes(scopes, feeds, jobs)
  const showsScopes = settings.get('server.child_metrics.enabled')
  const showsTotal = !showsScopes || settings.get('server.child_metrics.include_aggregate.enabled')
  const changefeeds = [
    ...(showsTotal ? [{ labels: {}, of: total }] : []),
    ...(showsScopes ? [...byScope].map(([scope, of]) => ({ labels: { scope }, of })) : []),
  ]
  const ofSources = sources.all.map((of) => ({ labels: { database: of.connection.database }, of }))
  return `${await metricsText(changefeedMetrics, changefeeds)}\n${await metricsText(sourceMetrics, ofSources)}`
}
