// Random disturbances of a PostgreSQL that is somebody's own, as a superuser and as a role of few rights, on all versions in turn.
// NEMESIS_SEEDS says which seeds run.

import { test } from 'node:test'
import { skipVersion } from '../support/servers/postgres-versions.ts'
import { runAttached, versionOf } from './attached-run.ts'
import { repeatSeed, seedsToRun } from './seeds.ts'

const file = 'nemesis-attached.crash.test'
const disturbances = 10

for (const seed of seedsToRun(2)) {
  const version = versionOf(seed)
  const skip = skipVersion(version)
  test(
    `a feed of an attached PostgreSQL has every state, or names the gap (seed ${seed})`,
    { skip, timeout: 400_000 },
    async (t) => {
      const said: string[] = []
      try {
        t.diagnostic(await runAttached({ seed, disturbances, version, said }))
      } catch (error) {
        t.diagnostic(`${repeatSeed(seed, file)}; ${said.join(', ')}`)
        throw error
      }
    },
  )
}
