// The nemesis over files in S3. NEMESIS_SEEDS says which seeds run.

import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { skipWithoutGo } from '../services/go-program.ts'
import { Versitygw } from '../services/storage/versitygw.ts'
import { filesFarEnd } from './files-far-end.ts'
import { jobDatabaseOf, runJob } from './job-run.ts'
import { reporting } from './report.ts'
import { seedsToRun } from './seeds.ts'
import { s3Place } from './s3-place.ts'

const file = 'nemesis-s3.crash.test'
const disturbances = 12

let s3: Versitygw
let server: TestServer
before(async () => {
  if (skipWithoutGo !== false) return
  server = await TestServer.start({ hasGate: true })
  s3 = await Versitygw.start()
  await s3.makeBucket('nemesis')
})
after(async () => {
  await server?.[Symbol.asyncDispose]()
  await s3?.[Symbol.asyncDispose]()
})

for (const seed of seedsToRun(1)) {
  test(
    `the files in a bucket tell what happened, all of it and in the order of their names (seed ${seed})`,
    { timeout: 420_000, skip: skipWithoutGo },
    async (t) => {
      const said: string[] = []
      const farEnd = filesFarEnd(s3Place(s3, 'nemesis'))
      const registry = undefined
      const run = (): Promise<string> => runJob({ server, farEnd, registry, seed, disturbances, said })
      t.diagnostic(await reporting({ server, seed, file, said }, run))
      await server.sql(`DROP DATABASE ${jobDatabaseOf(farEnd, seed, 'json')} WITH (FORCE)`)
    },
  )
}
