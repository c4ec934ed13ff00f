// `npm run nemesis -- --minutes=N --seed=S`: the nemesis over Kafka, seed after seed from S on, each in JSON and in Avro, for N
// minutes or until one fails. What to run to see a failed seed again is printed.

import { parseArgs } from 'node:util'
import { jobDatabaseOf, runJob } from '../test/nemesis/job-run.ts'
import { kafkaFarEnd } from '../test/nemesis/kafka-far-end.ts'
import { reporting } from '../test/nemesis/report.ts'
import { formatsToRun } from '../test/nemesis/seeds.ts'
import { TestServer } from '../test/server/test-server.ts'
import { TinyRegistry } from '../test/support/tiny-registry.ts'
import { startBehindThief } from '../test/services/kafka/answer-thief.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    disturbances: { type: 'string', default: '12' },
  },
})
const endsAtMs = Date.now() + Number(values.minutes) * 60_000
await using server = await TestServer.start({ hasGate: true })
const { broker: started, thief: before } = await startBehindThief()
await using broker = started
await using thief = before
await using avro = await TinyRegistry.start()
const farEnd = kafkaFarEnd(broker, thief)
for (let seed = Number(values.seed); ; seed++) {
  for (const format of formatsToRun()) {
    const said: string[] = []
    const registry = format === 'avro' ? avro : undefined
    const disturbances = Number(values.disturbances)
    const run = (): Promise<string> => runJob({ server, farEnd, registry, seed, disturbances, said })
    console.log(await reporting({ server, seed, file: 'nemesis-kafka.crash.test', said }, run))
    // Its ingest would go on beside the next run.
    await server.sql(`DROP DATABASE ${jobDatabaseOf(farEnd, seed, format)} WITH (FORCE)`)
  }
  if (Date.now() >= endsAtMs) break
}
