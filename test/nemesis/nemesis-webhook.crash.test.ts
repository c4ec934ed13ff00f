// The nemesis over a webhook. NEMESIS_SEEDS says which seeds run.

import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { HookServer } from '../services/webhook/hook-server.ts'
import { endTogether, startTogether } from '../support/services.ts'
import { jobDatabaseOf, runJob } from './job-run.ts'
import { reporting } from './report.ts'
import { seedsToRun } from './seeds.ts'
import { webhookFarEnd } from './webhook-far-end.ts'

const file = 'nemesis-webhook.crash.test'
const disturbances = 12

let server: TestServer
let hooks: HookServer
before(async () => {
  ;[server, hooks] = await startTogether(TestServer.start({ hasGate: true }), HookServer.start())
})
after(async () => {
  await endTogether(server, hooks)
})

for (const seed of seedsToRun(1)) {
  test(
    `a job tells a webhook what happened, all of it and in order (seed ${seed})`,
    { timeout: 420_000 },
    async (t) => {
      const said: string[] = []
      const farEnd = webhookFarEnd(hooks)
      const registry = undefined
      const run = (): Promise<string> => runJob({ server, farEnd, registry, seed, disturbances, said })
      t.diagnostic(await reporting({ server, seed, file, said }, run))
      await server.sql(`DROP DATABASE ${jobDatabaseOf(farEnd, seed, 'json')} WITH (FORCE)`)
    },
  )
}
