// Random disturbances of a primary and its standby, which is promoted at least once: with synchronized_standby_slots nothing is
// missing; without it nothing is missing but what a gap names. Of any two seeds in a row one is with and one without it.
// NEMESIS_SEEDS says which seeds run.

import { test } from 'node:test'
import { skipVersion, type PostgresVersion } from '../support/servers/postgres-versions.ts'
import { runAttached } from './attached-run.ts'
import { repeatSeed, seedsToRun } from './seeds.ts'

const file = 'nemesis-fail-over.crash.test'
const disturbances = 8

/** Versions before 17 copy no slots to standbys. */
function versionOf(seed: number): PostgresVersion {
  if (seed % 10 === 9) return seed % 20 === 9 ? 14 : 16
  return seed % 6 < 3 ? 18 : 17
}

for (const seed of seedsToRun(2)) {
  const version = versionOf(seed)
  const keeping = version >= 17 && seed % 2 === 0 ? 'synchronized' : 'asynchronous'
  test(
    `a feed goes on after a promotion, ${keeping === 'synchronized' ? 'without a gap' : 'or names the gap'} (seed ${seed})`,
    { skip: skipVersion(version), timeout: 400_000 },
    async (t) => {
      const said: string[] = []
      try {
        t.diagnostic(await runAttached({ seed, disturbances, version, keeping, said }))
      } catch (error) {
        t.diagnostic(`${repeatSeed(seed, file)}; ${said.join(', ')}`)
        throw error
      }
    },
  )
}
