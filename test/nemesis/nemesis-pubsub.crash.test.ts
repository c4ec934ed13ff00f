// The nemesis over Pub/Sub. NEMESIS_SEEDS says which seeds run.

import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { PubsubFront } from '../services/pubsub/pubsub-front.ts'
import { PubsubServer, skipWithoutPubsub } from '../services/pubsub/pubsub-server.ts'
import { CutGate } from '../support/cut-gate.ts'
import { endTogether } from '../support/services.ts'
import { jobDatabaseOf, runJob } from './job-run.ts'
import { pubsubFarEnd } from './pubsub-far-end.ts'
import { reporting } from './report.ts'
import { seedsToRun } from './seeds.ts'

const file = 'nemesis-pubsub.crash.test'
const disturbances = 12
const skip = skipWithoutPubsub

let server: TestServer | undefined
let pubsub: PubsubServer | undefined
let front: PubsubFront | undefined
let gate: CutGate | undefined
before(async () => {
  if (skip !== false) return
  pubsub = await PubsubServer.start()
  front = await PubsubFront.start({ server: pubsub })
  gate = await CutGate.open(front.port)
  // The program is started with this environment, again and again.
  process.env['PUBSUB_EMULATOR_HOST'] = `127.0.0.1:${gate.port}`
  server = await TestServer.start({ hasGate: true })
})
after(async () => {
  await endTogether(server, gate, front, pubsub)
})

for (const seed of seedsToRun(1)) {
  test(
    `a job tells Pub/Sub what happened, all of it and in order (seed ${seed})`,
    { timeout: 420_000, skip },
    async (t) => {
      if (server === undefined || front === undefined || gate === undefined) throw new Error('nothing has started')
      const [under, farEnd] = [server, pubsubFarEnd(front, gate)]
      const said: string[] = []
      const run = (): Promise<string> =>
        runJob({ server: under, farEnd, registry: undefined, seed, disturbances, said })
      t.diagnostic(await reporting({ server: under, seed, file, said }, run))
      await under.sql(`DROP DATABASE ${jobDatabaseOf(farEnd, seed, 'json')} WITH (FORCE)`)
    },
  )
}
