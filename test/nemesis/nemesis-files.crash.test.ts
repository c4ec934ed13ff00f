// The nemesis over files of a web server. NEMESIS_SEEDS says which seeds run.

import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { PutServer } from '../services/storage/put-server.ts'
import { filesFarEnd } from './files-far-end.ts'
import { jobDatabaseOf, runJob } from './job-run.ts'
import { reporting } from './report.ts'
import { seedsToRun } from './seeds.ts'
import { webPlace } from './web-place.ts'

const file = 'nemesis-files.crash.test'
const disturbances = 12

const web = new PutServer()
let address = ''
let server: TestServer
before(async () => {
  server = await TestServer.start({ hasGate: true })
  address = await web.start()
})
after(async () => {
  await server?.[Symbol.asyncDispose]()
  await web[Symbol.asyncDispose]()
})

for (const seed of seedsToRun(1)) {
  test(
    `the files of a job tell what happened, all of it and in the order of their names (seed ${seed})`,
    { timeout: 420_000 },
    async (t) => {
      const said: string[] = []
      const farEnd = filesFarEnd(webPlace(web, address))
      const registry = undefined
      const run = (): Promise<string> => runJob({ server, farEnd, registry, seed, disturbances, said })
      t.diagnostic(await reporting({ server, seed, file, said }, run))
      await server.sql(`DROP DATABASE ${jobDatabaseOf(farEnd, seed, 'json')} WITH (FORCE)`)
    },
  )
}
