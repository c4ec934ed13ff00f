// What benchmarks measure: the program as it is packed (scripts/bundle.ts), built of the present sources. BENCH_SOURCES=1: the
// sources as they are, which is what a checkout runs.

import { fileURLToPath } from 'node:url'
import { buildProgram } from '../scripts/bundle.ts'

const own = 'bench/feed-process'
const path = (of: string): string => fileURLToPath(new URL(of, import.meta.url))
const isSources = process.env['BENCH_SOURCES'] === '1'

/** The process of a feed alone. */
export const feedProcess = isSources ? path('feed-process.ts') : path(`../dist/${own}.js`)

export async function buildMeasured(): Promise<void> {
  if (isSources) return
  await buildProgram({ [own]: path('feed-process.ts') })
  process.env['CHANGEFEED_TEST_PROGRAM'] = path('../dist/main.js')
}
