// What is done to a job, to its server and to its broker while it runs.

import { setTimeout as delay } from 'node:timers/promises'
import { type TestServer } from '../server/test-server.ts'
import { until } from '../support/until.ts'
import type { AnswerThief } from '../services/kafka/answer-thief.ts'
import type { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { attempt, type Event } from './events.ts'
import type { Random } from './random.ts'

const withinMs = 90_000

export interface JobEventOptions {
  readonly server: TestServer
  readonly broker: KafkaBroker
  readonly thief: AnswerThief
  readonly random: Random
  /** Of the job that runs now. */
  readonly id: () => string
  readonly database: string
}

export function eventsOfJobs({ server, broker, thief, random, id, database }: JobEventOptions): readonly Event[] {
  return [
    [3, ['pause', () => pause({ server, random, id, database })]],
    [
      2,
      [
        'kill server',
        async () => {
          await server.kill()
          await server.restart()
        },
      ],
    ],
    [2, ['kill PostgreSQL', () => server.killPostgres()]],
    [
      1,
      [
        'kill both',
        async () => {
          await server.kill()
          server.killPostgres()
          await server.restart()
        },
      ],
    ],
    [
      2,
      [
        'kill broker',
        async () => {
          await broker.kill()
          await delay(random.int(1500))
          await broker.restart()
        },
      ],
    ],
    [
      1,
      [
        'freeze broker',
        async () => {
          broker.freeze()
          await delay(random.int(3000))
          broker.thaw()
        },
      ],
    ],
    [
      3,
      [
        'cut connections to the broker',
        async () => {
          for (let i = 0; i < 10; i++) {
            thief.cutAfter(1 + random.int(20_000))
            await delay(random.int(60))
            thief.cut()
          }
          thief.cutAfter(Number.POSITIVE_INFINITY)
        },
      ],
    ],
  ]
}

/** And resume. */
export async function pause({
  server,
  random,
  id,
  database,
}: Omit<JobEventOptions, 'broker' | 'thief'>): Promise<void> {
  const paused = id()
  await attempt({ server, database }, `PAUSE JOB ${paused}`)
  await delay(random.int(300))
  // A schema change may have stopped it for good: then another one runs.
  await until('the job goes on', withinMs, () =>
    server.sql(`RESUME JOB ${paused}`).then(
      () => true,
      () => (id() === paused ? undefined : true),
    ),
  )
}
