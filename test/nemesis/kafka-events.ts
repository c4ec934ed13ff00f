// What is done to a job, to its server and to its broker while it runs.

import { setTimeout as delay } from 'node:timers/promises'
import { type TestServer } from '../server/test-server.ts'
import { until, within } from '../support/until.ts'
import type { AnswerThief } from '../services/kafka/answer-thief.ts'
import type { KafkaBroker } from '../services/kafka/kafka-broker.ts'
import { attempt, type Event } from './events.ts'
import type { Random } from './random.ts'
import type { SchemaChanger } from './schema-changer.ts'

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
    [
      3,
      [
        'pause',
        async () => {
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
        },
      ],
    ],
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

export interface KillInBackfillOptions {
  readonly server: TestServer
  readonly changer: SchemaChanger
  readonly random: Random
}

/** A change of the schema while PostgreSQL answers slowly, so that a backfill has hardly begun, or is half done, at the kill. */
export async function killInBackfill({ server, changer, random }: KillInBackfillOptions): Promise<string> {
  await changer.change()
  let asked = 0
  const isBackfilling = async (): Promise<boolean> =>
    ++asked > 100 ||
    /backfill/i.test(JSON.stringify(await server.sql('SELECT running_status FROM crdb_internal.jobs').catch(() => [])))
  await within(10_000, 'a backfill runs', isBackfilling).catch(() => undefined)
  if (random.chance(0.5)) server.gate.stall(random.int(800), true)
  await delay(random.int(400))
  await server.kill()
  await server.restart()
  return asked > 100 ? 'kill server behind a schema change' : 'kill server in a backfill'
}
