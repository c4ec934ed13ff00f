// The text of /_status/vars, measured at each request.

import { setImmediate as turn } from 'node:timers/promises'
import { metricTexts, visibilities, type Visibility } from '../../metrics/metrics.ts'
import type { SettingsStore } from '../../settings/store.ts'
import { changefeedsOf, measure, type MeasuredParts } from './measure.ts'

/** Others get a turn after so long. */
const mostMs = 10

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
  const texts: string[] = []
  let turnedAtMs = performance.now()
  for (const metrics of [changefeeds, ...others])
    for (const text of metrics.run((table, measured) => metricTexts(table, measured, visibility))) {
      texts.push(text)
      // With a thousand scopes the page has millions of characters, and this thread is also that of SQL.
      if (performance.now() - turnedAtMs < mostMs) continue
      await turn()
      turnedAtMs = performance.now()
    }
  return texts.join('\n')
}

function visibilityOf(text: string): Visibility | undefined {
  return visibilities.find((visibility) => visibility === text)
}
