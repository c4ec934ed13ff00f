// The nemesis over a real Kafka. NEMESIS_SEEDS says which seeds run.

import { after, before, test } from 'node:test'
import { TestServer } from '../server/test-server.ts'
import { startBehindThief, type AnswerThief } from '../services/kafka/answer-thief.ts'
import type { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { skipWithoutKafka as skip } from '../services/kafka/require-kafka.ts'
import { kafkaDatabaseOf, runOverKafka } from './kafka-run.ts'
import { reporting } from './report.ts'
import { seedsToRun } from './seeds.ts'
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

for (const seed of seedsToRun(1)) {
  test(
    `a job tells Kafka what happened, all of it and in order (seed ${seed})`,
    { skip, timeout: 300_000 },
    async (t) => {
      const said: string[] = []
      t.diagnostic(
        await reporting({ server, seed, file, said }, () =>
          runOverKafka({ server, broker, thief, seed, disturbances, said }),
        ),
      )
      await server.sql(`DROP DATABASE ${kafkaDatabaseOf(seed)} WITH (FORCE)`)
    },
  )
}
