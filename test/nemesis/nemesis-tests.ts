// The tests of the nemesis over one sink: a test for each seed and format.

import { after, before, test } from 'node:test'
import { nemeses, type Nemesis, type NemesisName } from './far-ends.ts'
import { reporting } from './report.ts'
import { formatsToRun, seedsToRun } from './seeds.ts'

export interface NemesisTests {
  readonly promise: string
  /** How many seeds run if NEMESIS_SEEDS does not say it. */
  readonly seeds?: number
  readonly timeoutMs?: number
}

export function nemesisTests(
  name: NemesisName,
  { promise, seeds = 1, timeoutMs: timeout = 420_000 }: NemesisTests,
): void {
  const { file, skip, disturbances, formats, start } = nemeses[name]
  let nemesis: Nemesis | undefined
  before(async () => {
    if (skip === false) nemesis = await start()
  })
  after(() => nemesis?.[Symbol.asyncDispose]())

  const chosen = formatsToRun(formats)
  for (const seed of seedsToRun(seeds)) {
    for (const format of chosen) {
      const which = formats.length > 1 ? `seed ${seed}, ${format}` : `seed ${seed}`
      test(`${promise} (${which})`, { timeout, skip }, async (t) => {
        if (nemesis === undefined) throw new Error('nothing has started')
        const { server } = nemesis
        const run = { seed, format, disturbances, said: [] }
        t.diagnostic(await reporting({ server, file, ...run }, () => (nemesis as Nemesis).run(run)))
        // Its ingest would go on beside the next run.
        await server.sql(`DROP DATABASE ${nemesis.database(run)} WITH (FORCE)`)
      })
    }
  }
}
