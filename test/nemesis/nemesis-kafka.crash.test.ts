// The nemesis over a real Kafka. NEMESIS_SEEDS says which seeds run, NEMESIS_FORMAT in which format; by default in both.

import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { startBehindThief, type AnswerThief } from '../services/kafka/answer-thief.ts'
import type { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { jobDatabaseOf, runJob } from './job-run.ts'
import { kafkaFarEnd } from './kafka-far-end.ts'
import { reporting } from './report.ts'
import { formatsToRun, seedsToRun } from './seeds.ts'
import { TinyRegistry } from '../support/tiny-registry.ts'
import { endTogether, startTogether } from '../support/services.ts'

const file = 'nemesis-kafka.crash.test'
const disturbances = 12

let server: TestServer
let broker: KafkaBroker
let thief: AnswerThief
before(async () => {
  if (skip !== false) return
  ;[server, { broker, thief }] = await startTogether(TestServer.start({ hasGate: true }), startBehindThief())
})
after(async () => {
  await endTogether(server, thief, broker)
})

const runs = seedsToRun(1).flatMap((seed) => formatsToRun().map((format) => ({ seed, format })))
for (const { seed, format } of runs) {
  test(
    `a job tells Kafka what happened, all of it and in order (seed ${seed}, ${format})`,
    { skip, timeout: 420_000 },
    async (t) => {
      const said: string[] = []
      const farEnd = kafkaFarEnd(broker, thief)
      await using registry = format === 'avro' ? await TinyRegistry.start() : undefined
      t.diagnostic(
        await reporting({ server, seed, file, said }, () =>
          runJob({ server, farEnd, registry, seed, disturbances, said }),
        ),
      )
      await server.sql(`DROP DATABASE ${jobDatabaseOf(farEnd, seed, format)} WITH (FORCE)`)
    },
  )
}
