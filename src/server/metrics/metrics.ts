// The text of /_status/vars, measured for each request; requests that come at the same time share a measurement and its bytes.

import { setImmediate as turn } from 'node:timers/promises'
import { SharedRun } from '../../async/shared-run.ts'
import { metricTexts, visibilities, type Visibility } from '../../metrics/metrics.ts'
import type { SettingsStore } from '../../settings/store.ts'
import { changefeedsOf, measure, type MeasuredParts } from './measure.ts'

/** Others get a turn after so long. */
const mostMs = 10

export interface ShownParts extends MeasuredParts {
  readonly settings: SettingsStore
}

export class MetricsPage {
  readonly #parts: ShownParts
  readonly #runs = new Map(visibilities.map((visibility) => [visibility, new SharedRun<Buffer>()]))

  constructor(parts: ShownParts) {
    this.#parts = parts
  }

  /** `asked`: ?visibility of the request. Returns undefined if there is no such visibility. */
  async text(asked: string | undefined): Promise<Buffer | undefined> {
    const text = asked ?? this.#parts.settings.get('obs.metrics_scrape.default_visibility')
    const visibility = visibilities.find((one) => one === text)
    if (visibility === undefined) return undefined
    return this.#runs.get(visibility)?.run(async () => Buffer.from(await textOf(this.#parts, visibility)))
  }
}

async function textOf(parts: ShownParts, visibility: Visibility): Promise<string> {
  const { settings } = parts
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
