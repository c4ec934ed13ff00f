// The text of /_status/vars, measured at each request.

import { metricsText, visibilities, type Visibility } from '../../metrics/metrics.ts'
import type { SettingsStore } from '../../settings/store.ts'
import { changefeedsOf, measure, type MeasuredParts } from './measure.ts'

export interface ShownParts extends MeasuredParts {
  readonly settings: SettingsStore
}

/** `asked`: ?visibility of the request. Returns undefined if there is no such visibility. */
export async function serverMetrics(parts: ShownParts, asked: string | undefined): Promise<string | undefined> {
  const { settings } = parts
  const visibility = visibilityOf(asked ?? settings.get('obs.metrics_scrape.default_visibility'))
  if (visibility === undefined) return undefined
  const { total, byScope, others } = await measure(parts)
  const showsScopes = settings.get('server.child_metrics.enabled')
  const showsTotal = !showsScopes || settings.get('server.child_metrics.include_aggregate.enabled')
  const changefeeds = changefeedsOf([
    ...(showsTotal ? [{ labels: {}, of: total }] : []),
    ...(showsScopes ? [...byScope].map(([scope, of]) => ({ labels: { scope }, of })) : []),
  ])
  return [changefeeds, ...others]
    .map((metrics) => metrics.run((table, measured) => metricsText(table, measured, visibility)))
    .join('\n')
}

function visibilityOf(text: string): Visibility | undefined {
  return visibilities.find((visibility) => visibility === text)
}
