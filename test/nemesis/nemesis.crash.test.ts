// Random writers, random disturbances, random options; then what came is held against an independent reading of the WAL.
// NEMESIS_SEEDS says which seeds run.

import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { databaseOf, runOverConnection } from './connection-run.ts'
import { reporting } from './report.ts'
import { seedsToRun } from './seeds.ts'

const file = 'nemesis.crash.test'
const disturbances = 25

let server: TestServer
before(async () => {
  server = await TestServer.start({ hasGate: true })
})
after(() => server[Symbol.asyncDispose]())

for (const seed of seedsToRun(2)) {
  test(`a feed tells what happened, all of it and in order (seed ${seed})`, { timeout: 180_000 }, async (t) => {
    const said: string[] = []
    t.diagnostic(
      await reporting({ server, seed, file, said }, () => runOverConnection({ server, seed, disturbances, said })),
    )
    // Its ingest would go on beside the next run.
    await server.sql(`DROP DATABASE ${databaseOf(seed)} WITH (FORCE)`)
  })
}
