// For tests of the points of metrics: folders for them, series, and what is kept of one.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { SeriesQuery } from '../../src/core/series.ts'
import { MetricPoints, type MetricPointsOptions } from '../../src/metrics/points/metric-points.ts'
import { hourMs, keyText, slotMs } from '../../src/metrics/points/series-key.ts'

export const startMs = 400_000 * hourMs
export const cluster = (name: string): string => keyText({ name, of: 'cluster', id: '' })
export const ofJob = (name: string, id: number): string => keyText({ name, of: 'job', id: String(id) })

export function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'points-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export function open(dir: string, options: Partial<MetricPointsOptions> = {}): MetricPoints {
  return new MetricPoints({ dir, warn: (text) => assert.fail(text), ...options })
}

export async function ask(points: MetricPoints, query: Partial<SeriesQuery> & Pick<SeriesQuery, 'fromMs' | 'toMs'>) {
  const rest = { name: 'a', of: 'cluster', stepMs: slotMs, downsample: 'avg', rate: 'none', aggregate: 'sum' } as const
  return points.query({ ...rest, ...query })
}

export async function valuesOf(
  points: MetricPoints,
  slots: number,
  fromMs = startMs,
): Promise<readonly (number | null)[]> {
  const { series } = await ask(points, { fromMs, toMs: fromMs + slots * slotMs })
  return series[0]?.values ?? []
}
